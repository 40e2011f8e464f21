/// A peer's connection to its server, at one instant.
package struct PeerCondition: Hashable, Sendable {
    /// True from a session's first fresh PULSE until the server counts as silent (PROTOCOL.md, section 6.3).
    package let isConnected: Bool
    /// True if this peer may send messages and every other member with a recent directory knows this peer's session.
    package let maySpeak: Bool
    /// True if this peer may send messages, in its current session or after the server has stopped, and is not leaving.
    package let maySend: Bool
    /// True if this peer's directory is recent enough to send and deliver messages. Some members may not know this
    /// peer's session yet.
    package let isTrusted: Bool
    /// True if datagrams of the server arrive, but the missing part of the directory has not been among them for
    /// `Limits.directoryPatience`.
    package let isDirectoryStalled: Bool
    /// The shortest round trip to the server in the current session; nil before the session's first fresh PULSE.
    package let roundTrip: Duration?
    /// The address of the server in the newest session; nil if there is no session.
    package let server: SocketAddress?
}
