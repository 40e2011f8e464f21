import MeshSimulator
import SecureMeshCore

/// Checks how the gates of a server, and a peer, handle datagrams that are made with the right keys and changed at a
/// known step.
///
/// The step determines which datagrams may be accepted. A datagram that was changed after sealing is refused before or
/// at the seal. One that was changed between signature and seal is not verified. One that was changed before the
/// signature is accepted if its payload is canonical and allowed. An unchanged one must be accepted, once.
package enum AdmissionCheck {
    package static func failure(of input: [UInt8]) -> String? {
        guard let bench = AdmissionBench.shared else { return "the harness cannot join its own mesh" }
        var choices = FuzzInput(input)
        guard let recipe = AdmissionRecipe(&choices, bench) else { return "the harness cannot make such a datagram" }
        return AdmissionTrial(bench, recipe).failure()
    }

    /// The seeds. An input begins with a byte for the kind and a byte for the steps at which the datagram is changed.
    /// Further choices follow. If the steps and the choices are zeros, the datagram is valid.
    package static var seeds: [(name: String, input: [UInt8])] {
        Kind.allCases.enumerated().flatMap { index, kind in
            [0x00, 0x10, 0x20, 0x40, 0x80].map { steps in
                ("\(kind)-\(steps)", [UInt8(index), steps] + [UInt8](repeating: steps == 0 ? 0 : 1, count: 24))
            }
        }
    }
}

/// The test of one datagram.
private struct AdmissionTrial {
    private enum Outcome: Equatable {
        case through
        /// The datagram was verified, but refused in the present state of the receiver.
        case verified(Rejection)
        case refused(Rejection)
        /// The datagram of a member had an intact seal and a wrong signature.
        case misbehaved
        /// The datagram was answered, and changed no state.
        case answered

        var isIn: Bool {
            switch self {
            case .through, .verified: true
            case .refused, .misbehaved, .answered: false
            }
        }
    }

    private let bench: AdmissionBench
    private let recipe: AdmissionRecipe
    private let honest: [UInt8]
    private let bytes: [UInt8]
    private let effects: ForgedDatagram.Effects
    private var gates: ServerGates
    private var peer: Peer?

    init(_ bench: AdmissionBench, _ recipe: AdmissionRecipe) {
        self.bench = bench
        self.recipe = recipe
        (bytes, effects) = recipe.draft.bytes(recipe.changes)
        var changes = recipe.changes
        changes.afterSealing = nil
        honest = recipe.changes.afterSealing == nil ? bytes : recipe.draft.bytes(changes).bytes
        gates = bench.gates
        if case .peer(let stage) = recipe.receiver { peer = bench.peer(at: stage) }
    }

    func failure() -> String? {
        var trial = self
        return trial.run().map { "\(recipe.draft.kind) to \(recipe.receiver): \($0)" }
    }

    private mutating func run() -> String? {
        let before = peer.map(Observation.init)
        let outcome = hand(bytes)
        let isIn = outcome.isIn
        if !isIn, let peer, Observation(peer) != before { return "refused (\(outcome)), but the peer has changed" }

        if effects.afterSealing {
            guard !isExempt else { return nil }
            guard case .refused(let rejection) = outcome, Self.shallow.contains(rejection) || isRetry else {
                return "changed after sealing, and \(outcome)"
            }
            // The changed datagram must not have changed the state: the unchanged one must get the same result as
            // without it.
            let fresh = AdmissionTrial(bench, recipe).handed(honest)
            let after = hand(honest)
            return after == fresh ? nil : "unchanged it is \(fresh), after a changed one \(after)"
        }
        if effects.beforeSealing { return isIn ? "changed after signing, and \(outcome)" : nil }
        if effects.header { return isIn ? "its header changed after signing, and \(outcome)" : nil }
        let flaw = recipe.flaw ?? PayloadRules(bench, recipe).flaw
        if let flaw { return isIn ? "\(flaw), and \(outcome)" : nil }
        guard isIn else { return "nothing is wrong with it, and \(outcome)" }
        return replayFailure()
    }

    /// Checks that a datagram is not accepted twice. A repeated HELLO gets the same WELCOME again.
    private mutating func replayFailure() -> String? {
        guard recipe.draft.kind != .hello, peer.map({ $0.nextDeadline != nil }) ?? true else { return nil }
        let again = hand(bytes)
        guard case .refused = again else { return "a second time, and \(again)" }
        return nil
    }

    private var isRetry: Bool { recipe.draft.kind == .retry }

    /// True if only the cookie of a RETRY is changed. The cookie is not signed, so the peer accepts the RETRY and sends
    /// a useless HELLO. The bytes are compared, not the changes: a RETRY is not sealed, so one change can undo another.
    private var isExempt: Bool {
        let cookie = Header.size..<Header.size + Bytes16.count
        let signed = recipe.draft.bytes
        return isRetry && bytes.count == signed.count
            && bytes.indices.allSatisfy { cookie.contains($0) || bytes[$0] == signed[$0] }
    }

    private func handed(_ bytes: [UInt8]) -> Outcome {
        var trial = self
        return trial.hand(bytes)
    }

    private mutating func hand(_ bytes: [UInt8]) -> Outcome {
        var bytes = bytes
        #if FUZZ_CANARY
            // The planted fault is a receiver whose seal does not cover the last byte of the echo in a PULSE.
            if recipe.draft.kind == .pulse, bytes.count == honest.count { bytes[35] = honest[35] }
        #endif
        guard var peer else { return handToServer(bytes) }
        let counters = peer.rejections
        peer.handle(bytes.span, path: recipe.path, now: recipe.now)
        while peer.pollOutput() != nil {}
        self.peer = peer
        guard peer.rejections.total > counters.total,
            let rejection = Rejection.allCases.first(where: { peer.rejections[$0] > counters[$0] })
        else { return .through }
        return Self.afterSignature.contains(rejection) ? .verified(rejection) : .refused(rejection)
    }

    private mutating func handToServer(_ bytes: [UInt8]) -> Outcome {
        switch gates.admit(bytes, from: recipe.path, now: recipe.now) {
        case .refused(let rejection): .refused(rejection)
        case .hello(.retry), .hello(.repeatedWelcome): .answered
        case .member(.misbehaved): .misbehaved
        case .hello(.welcome), .hello(.reject), .confirm, .member(.heartbeat), .member(.leave): .through
        }
    }

    /// The refusals of datagrams whose signature has been verified.
    private static let afterSignature: Set<Rejection> = [
        .deltaNotApplicable, .snapshotNotWanted, .directoryContradiction, .directoryMismatch,
    ]

    /// The refusals of datagrams before the seal is opened, or because it does not open.
    private static let shallow: Set<Rejection> = [
        .truncatedHeader, .unsupportedVersion, .unknownKind, .lengthMismatch, .sizeOutOfRange, .invalidSessionIDs,
        .counterOutOfRange, .nonCanonicalAgreementKey, .sourceNotAllowed, .misdirected, .agreementFailed, .sealBroken,
        .unknownTag, .unknownTicket, .ticketExpired, .ticketSourceMismatch, .unknownSession, .sourceMismatch,
        .counterReplayed, .counterTooOld, .untrusted, .unknownSender,
    ]
}

/// The state of a peer that an observer sees.
private struct Observation: Equatable {
    let version: UInt64
    let session: SessionID?
    let members: [Member]
    let isTrusted: Bool
    let deadline: Instant?

    init(_ peer: Peer) {
        version = peer.version
        session = peer.session
        members = peer.members
        isTrusted = peer.isTrusted(AdmissionBench.now)
        deadline = peer.nextDeadline
    }
}
