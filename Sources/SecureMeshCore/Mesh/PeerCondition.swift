/// A peer's connection to its server, at one instant.
package struct PeerCondition: Hashable, Sendable {
    /// True from a session's first fresh PULSE until the server has been silent for three intervals.
    package let isConnected: Bool
    /// True if messages may be sent, and every other member knows of this peer.
    package let maySpeak: Bool
    /// True if messages are sent and delivered, although perhaps some members do not know this peer yet.
    package let isTrusted: Bool
    /// The shortest round trip of the present session; nil before the first fresh PULSE.
    package let roundTrip: Duration?
    /// The address of the server in the newest session; nil if there is none.
    package let server: SocketAddress?
}
