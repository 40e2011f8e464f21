/// The action that a verified answer to a HELLO asks for.
package enum JoinAction: Sendable {
    /// RETRY: send this HELLO, which carries the cookie.
    case sendHello(Transmit)
    /// RETRY to a HELLO that had a cookie, or that followed a RETRY: send nothing. The next attempt carries the new
    /// cookie.
    case wait
    /// WELCOME: send the CONFIRM of this session. No attempt is outstanding until the session is given up.
    case confirm(ServerSession)
    /// REJECT for a reason that may pass. The next HELLO is due after the duration.
    case retry(JoinDelay, after: Duration)
    /// REJECT because the server does not let this key join. No attempt is outstanding.
    case excluded(by: PublicKey)
}
