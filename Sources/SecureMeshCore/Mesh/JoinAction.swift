/// The action that a peer takes after a verified answer to its HELLO.
package enum JoinAction: Sendable {
    /// The answer is a RETRY. The peer sends this HELLO, which carries the cookie of the RETRY.
    case sendHello(Transmit)
    /// The answer is a RETRY, but the HELLO had a cookie or followed another RETRY. The peer sends nothing. Its next
    /// attempt carries the cookie of this RETRY.
    case wait
    /// The answer is a WELCOME. The peer sends the CONFIRM of this session. No attempt is outstanding until the session
    /// is given up.
    case confirm(ServerSession)
    /// The answer is a REJECT for a reason that may pass. The next HELLO is due after this duration.
    case retry(JoinDelay, after: Duration)
    /// The answer is a REJECT, because the server does not let this key join. No attempt is outstanding.
    case excluded(by: PublicKey)
}
