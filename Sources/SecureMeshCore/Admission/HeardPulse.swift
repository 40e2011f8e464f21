/// The newest PULSE that a member had received when it sent a heartbeat, as the token in the heartbeat shows
/// (PROTOCOL.md, section 6.5).
///
/// Unless the network reorders datagrams, each datagram that the server sent to the member before this PULSE is lost or
/// had arrived when the member sent the heartbeat. Datagrams that the server sent after this PULSE may still be on
/// their way, or wait in the receive buffer of the member's socket.
package struct HeardPulse: Sendable {
    /// The age of the token in this PULSE: the number of secrets that the server has issued since the secret from which
    /// this token was made.
    package let age: Int
    /// The version of the directory in this PULSE.
    package let version: UInt64
    /// The issue time of the secret from which the token in this PULSE was made.
    package let at: Instant

    package init(age: Int, version: UInt64, at: Instant) {
        (self.age, self.version, self.at) = (age, version, at)
    }
}
