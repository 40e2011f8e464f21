/// The reason why this peer has no key with another member's session.
package enum PairError: Error, Hashable, Sendable {
    /// The session has ended, and this peer had keys with it. If the server lists it again, its counters must not start
    /// again.
    case sessionRetired
    /// This peer has reached the limit of ended sessions that it remembers. It can compute keys with new sessions only
    /// after it has joined again.
    case pairsExhausted
    /// The binding in the directory entry is not a valid signature of the entry's member.
    case bindingInvalid
    /// The entry's ephemeral key is of small order.
    case agreementFailed
}

extension Rejection {
    /// Returns the refusal of a MESSAGE if the keys with its sender could not be made.
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
