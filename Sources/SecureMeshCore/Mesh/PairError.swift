/// Why this peer has no key with another member's session.
package enum PairError: Error, Hashable, Sendable {
    /// The session has ended and had keys here. Listing it again must not start its counters again.
    case sessionRetired
    /// As many sessions with keys have ended as can be remembered. Only a new session of this peer meets new ones.
    case pairsExhausted
    /// The owner has not signed the directory's entry.
    case bindingInvalid
    /// The entry's ephemeral key is of small order.
    case agreementFailed
}

extension Rejection {
    /// The refusal of a MESSAGE from a session that this peer has no key with.
    init(_ error: PairError) {
        self =
            switch error {
            case .sessionRetired: .directoryContradiction
            case .pairsExhausted: .agreementOverRate
            case .bindingInvalid: .bindingInvalid
            case .agreementFailed: .agreementFailed
            }
    }
}
