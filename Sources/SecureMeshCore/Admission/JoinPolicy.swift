/// The state of the mesh that `HandshakeGate` consults about a joiner.
package protocol JoinPolicy {
    /// The share of a core that members' datagrams and DELTAs to members use, in thousandths (PROTOCOL.md, section
    /// 5.6).
    var memberShare: Int64 { get }

    /// Returns the reason why the joiner may not become a member; nil if the joiner may (PROTOCOL.md, section 5.2,
    /// gates 13 to 17).
    ///
    /// - Parameters:
    ///   - identity: The key that signed the HELLO.
    ///   - address: The source of the HELLO.
    func refusal(of identity: PublicKey, as name: PeerName, at address: SocketAddress, now: Instant) -> Reject?

    /// Returns true if a member has, or recently had, the session `session`. No new session may get the same number.
    func hasSeen(_ session: SessionID) -> Bool
}
