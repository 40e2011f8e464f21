/// The reason why this peer cannot have a key with another member's session.
package enum PairError: Error, Hashable, Sendable {
    /// The session has ended, and this peer had keys with it. If the server lists the session again, this peer makes no
    /// new keys, because the nonces would repeat.
    case sessionRetired
    /// This peer has reached the limit of ended sessions that it remembers. It must join again before it can make keys
    /// with new sessions.
    case pairsExhausted
    /// The binding in the directory entry is not a valid signature of the entry's member.
    case bindingInvalid
    /// The entry's ephemeral key is of small order.
    case agreementFailed
}

extension Rejection {
    /// Converts the reason why a sender has no key to the reason for refusing the sender's datagram.
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
