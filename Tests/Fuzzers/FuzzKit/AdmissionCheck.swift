import MeshSimulator
import SecureMeshCore

/// Checks how a server's gates and a peer handle a datagram. For most inputs, the datagram is made with the right keys.
/// It may be changed at one or more steps, which the check knows.
///
/// The step determines which results are allowed:
///
/// - A datagram that was changed after sealing must be refused before its seal is opened, or because the seal does not
///   open.
/// - A datagram that was changed after signing and before sealing must not pass the signature check.
/// - A datagram that was changed before signing must be accepted if its payload is canonical and allowed, and refused
///   otherwise.
/// - An unchanged datagram must be accepted once.
///
/// A datagram with another flaw, such as a wrong key, must always be refused.
package enum AdmissionCheck {
    package static func failure(of input: [UInt8]) -> String? {
        guard let bench = AdmissionBench.shared else { return "the harness cannot join its own mesh" }
        var choices = FuzzInput(input)
        guard let recipe = AdmissionRecipe(&choices, bench) else { return "the harness cannot make such a datagram" }
        return AdmissionTrial(bench, recipe).failure()
    }

    /// The inputs with which fuzzing starts. The first byte of an input chooses the kind of datagram. The second byte
    /// chooses the steps at which the datagram is changed. The other bytes are further choices. If the second byte and
    /// all bytes after it are zero, the datagram is valid.
    package static var seeds: [(name: String, input: [UInt8])] {
        Kind.allCases.enumerated().flatMap { index, kind in
            [0x00, 0x10, 0x20, 0x40, 0x80].map { steps in
                ("\(kind)-\(steps)", [UInt8(index), steps] + [UInt8](repeating: steps == 0 ? 0 : 1, count: 24))
            }
        }
    }
}

/// Gives one datagram to its receiver, and checks the result.
private struct AdmissionTrial {
    private enum Outcome: Equatable {
        case through
        /// The signature of the datagram was valid, but the receiver refused the datagram because of the receiver's
        /// state.
        case verified(Rejection)
        case refused(Rejection)
        /// The datagram came from a member. Its seal was intact and its signature was wrong.
        case misbehaved
        /// The datagram was answered, and the receiver's state did not change.
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
        if case .peer(let stage) = recipe.receiver { peer = bench.peers[stage] }
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
            // The changed datagram must not affect the state. So the unchanged datagram must now get the same result as
            // from a receiver that has not received the changed one.
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

    /// Checks that the same datagram is not accepted a second time. A HELLO is exempt, because a repeated HELLO gets
    /// the same WELCOME again.
    private mutating func replayFailure() -> String? {
        guard recipe.draft.kind != .hello, peer.map({ $0.nextDeadline != nil }) ?? true else { return nil }
        let again = hand(bytes)
        guard case .refused = again else { return "a second time, and \(again)" }
        return nil
    }

    private var isRetry: Bool { recipe.draft.kind == .retry }

    /// True if the datagram is a RETRY that differs from the signed one only in its cookie. The cookie is not signed,
    /// so the peer accepts this RETRY and sends a useless HELLO.
    ///
    /// The bytes are compared instead of the changes, because one change of a RETRY can undo another.
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
        let (counters, early) = (peer.rejections, peer.earlyMessageCount)
        peer.handle(bytes.span, path: recipe.path, now: recipe.now)
        while peer.pollOutput() != nil {}
        self.peer = peer
        // The peer has not joined, so it checks the buffered message again later.
        if peer.earlyMessageCount > early { return .refused(.unknownSession) }
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

    /// The reasons for which a datagram is refused after its signature has been verified.
    private static let afterSignature: Set<Rejection> = [
        .deltaNotApplicable, .snapshotNotWanted, .directoryContradiction, .directoryMismatch,
    ]

    /// The reasons for which a datagram is refused before its seal is opened, or because the seal does not open.
    private static let shallow: Set<Rejection> = [
        .truncatedHeader, .unsupportedVersion, .unknownKind, .lengthMismatch, .sizeOutOfRange, .invalidSessionIDs,
        .counterOutOfRange, .nonCanonicalAgreementKey, .sourceNotAllowed, .misdirected, .agreementFailed, .sealBroken,
        .unknownTag, .unknownTicket, .ticketExpired, .ticketSourceMismatch, .unknownSession, .sourceMismatch,
        .counterReplayed, .counterTooOld, .untrusted, .unknownSender, .resumeNotWanted,
    ]
}

/// The part of a peer's state that is visible from outside.
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
