/// The newest PULSE that a member had received when it sent a heartbeat, as the token in the heartbeat shows
/// (PROTOCOL.md, section 6.5).
///
/// Unless the network changes their order, datagrams that the server sent to the member before that PULSE have arrived
/// before it or are lost. Later ones may still be on their way, or wait in the member's socket.
package struct HeardPulse: Sendable {
    /// The number of secrets that were issued after the secret of this PULSE.
    package let age: Int
    /// The version of the directory in the PULSE.
    package let version: UInt64
    /// The time at which the secret of the PULSE was issued.
    package let at: Instant

    package init(age: Int, version: UInt64, at: Instant) {
        (self.age, self.version, self.at) = (age, version, at)
    }
}
