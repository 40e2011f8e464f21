import MeshSimulator
import SecureMeshCore

/// Behind the crypto: datagrams made with the right keys, then harmed at a known step, before the gates of a server
/// and of a peer.
///
/// What may get through follows from the step. Harmed after sealing: nothing, and no gate past the seal is reached.
/// Harmed between signature and seal: nothing is verified. Harmed before the signature: what decodes canonically and
/// says nothing forbidden. Unharmed: it must get through, once.
package enum AdmissionCheck {
    package static func failure(of input: [UInt8]) -> String? {
        guard let bench = AdmissionBench.shared else { return "the harness cannot join its own mesh" }
        var choices = FuzzInput(input)
        guard let recipe = AdmissionRecipe(&choices, bench) else { return "the harness cannot make such a datagram" }
        return AdmissionTrial(bench, recipe).failure()
    }

    /// The kind, the steps at which it is harmed, and the choices: zeros make a true datagram.
    package static var seeds: [(name: String, input: [UInt8])] {
        Kind.allCases.enumerated().flatMap { index, kind in
            [0x00, 0x10, 0x20, 0x40, 0x80].map { steps in
                ("\(kind)-\(steps)", [UInt8(index), steps] + [UInt8](repeating: steps == 0 ? 0 : 1, count: 24))
            }
        }
    }
}

/// One recipe, carried out.
private struct AdmissionTrial {
    private enum Outcome: Equatable {
        case through
        /// Verified, but of no use in the state the receiver is in.
        case verified(Rejection)
        case refused(Rejection)
        /// An intact seal around a wrong signature, from a member.
        case misbehaved
        /// Bytes back, no state.
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
    private let effective: ForgedDatagram.Effective
    private var gates: ServerGates
    private var peer: Peer?

    init(_ bench: AdmissionBench, _ recipe: AdmissionRecipe) {
        self.bench = bench
        self.recipe = recipe
        (bytes, effective) = recipe.draft.bytes(recipe.harm)
        var harm = recipe.harm
        harm.afterSealing = nil
        honest = recipe.harm.afterSealing == nil ? bytes : recipe.draft.bytes(harm).bytes
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
        if !isIn, let peer, Observation(peer) != before { return "refused (\(outcome)), and yet the peer has changed" }

        if effective.afterSealing {
            guard !isExempt else { return nil }
            guard case .refused(let rejection) = outcome, Self.shallow.contains(rejection) || isRetry else {
                return "changed after sealing, and \(outcome)"
            }
            // The true one must find all as if the harmed one had never come.
            let fresh = AdmissionTrial(bench, recipe).handed(honest)
            let after = hand(honest)
            return after == fresh ? nil : "unharmed it is \(fresh); after a harmed one, \(after)"
        }
        if effective.beforeSealing { return isIn ? "changed after signing, and \(outcome)" : nil }
        if effective.header { return isIn ? "its header changed after signing, and \(outcome)" : nil }
        let flaw = recipe.flaw ?? PayloadRules(bench, recipe).flaw
        if let flaw { return isIn ? "\(flaw), and \(outcome)" : nil }
        guard isIn else { return "nothing is wrong with it, and \(outcome)" }
        return replayFailure()
    }

    /// What was accepted is not accepted again. A repeated HELLO is not refused: it gets the same WELCOME again.
    private mutating func replayFailure() -> String? {
        guard recipe.draft.kind != .hello, peer.map({ $0.nextDeadline != nil }) ?? true else { return nil }
        let again = hand(bytes)
        guard case .refused = again else { return "a second time, and \(again)" }
        return nil
    }

    private var isRetry: Bool { recipe.draft.kind == .retry }

    /// The cookie in a RETRY is not signed: what is changed there costs the peer a HELLO and nothing else. And as it is
    /// not sealed, one harm can undo another.
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
            // The planted bug: a receiver whose seal does not cover the last byte of the echo in a PULSE.
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
        switch gates.admit(bytes, path: recipe.path, now: recipe.now) {
        case .refused(let rejection): .refused(rejection)
        case .hello(.retry), .hello(.repeatedWelcome): .answered
        case .member(.misbehaved): .misbehaved
        case .hello(.welcome), .hello(.reject), .confirm, .member(.heartbeat), .member(.leave): .through
        }
    }

    /// What the state says no to, once a signature has been verified.
    private static let afterSignature: Set<Rejection> = [
        .deltaNotApplicable, .snapshotNotWanted, .directoryContradiction,
    ]

    /// What is refused without a look inside the seal.
    private static let shallow: Set<Rejection> = [
        .truncatedHeader, .unsupportedVersion, .unknownKind, .lengthMismatch, .sizeOutOfRange, .invalidSessionIDs,
        .counterOutOfRange, .nonCanonicalAgreementKey, .sourceNotAllowed, .misdirected, .agreementFailed, .sealBroken,
        .unknownTag, .unknownTicket, .ticketExpired, .ticketSourceMismatch, .unknownSession, .sourceMismatch,
        .counterReplayed, .counterTooOld, .untrusted, .unknownSender,
    ]
}

/// What can be seen of a peer's state from outside.
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
