/// The newest PULSE that a member had received when it sent a heartbeat, as the token in the heartbeat shows
/// (PROTOCOL.md, section 6.5).
///
/// Unless the network reorders datagrams, each datagram that the server sent to the member before this PULSE is lost or
/// had arrived when the member sent the heartbeat. Datagrams that the server sent after this PULSE may still be on
/// their way, or wait in the receive buffer of the member's socket.
package struct HeardPulse: Sendable {
    /// The age of the token in this PULSE: 0 if the token was made from the newest secret of the server, 1 if it was
    /// made from the secret before that one, and so on.
    package let age: Int
    /// The version of the directory in this PULSE.
    package let version: UInt64
    /// The time at which the server issued the secret for the token in this PULSE.
    package let at: Instant

    package init(age: Int, version: UInt64, at: Instant) {
        (self.age, self.version, self.at) = (age, version, at)
    }
}
