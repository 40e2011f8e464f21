/// The reason why a message was not sealed for a member.
package enum SealError: Error, Hashable, Sendable {
    /// This peer has no session with its server.
    case noSession
    /// The pair's key has sealed 2^48 - 1 messages, so its counters are used up.
    case counterExhausted
    case noKey(PairError)
}

extension SendError {
    /// Converts the error to `notJoined` or `bindingInvalid`, which a program handles differently. After `notJoined`,
    /// the program waits for this peer's next session. After `bindingInvalid`, the program distrusts the member's
    /// directory entry.
    package init(_ error: SealError) {
        self =
            switch error {
            case .noSession, .counterExhausted, .noKey(.pairsExhausted): .notJoined
            case .noKey(.sessionRetired), .noKey(.bindingInvalid), .noKey(.agreementFailed): .bindingInvalid
            }
    }
}
