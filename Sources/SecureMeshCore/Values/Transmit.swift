/// Bytes to send, the socket and address to send them to, and their priority.
package struct Transmit: Hashable, Sendable {
    /// The treatment of a datagram that the socket cannot send at once.
    package enum Priority: Hashable, Sendable {
        /// A datagram between the server and a member, or of a peer that joins. It waits until the socket can send.
        case session
        /// A message to another member. It is dropped while datagrams of sessions wait, or half of the send buffer is
        /// in use.
        case message
        /// An answer to a HELLO, whose source may be forged. It is dropped while datagrams of sessions wait. While a
        /// quarter of the send buffer is in use, it is dropped unless the system knows the link-layer address that it
        /// goes to, so that it leaves at once. While half is in use, it is always dropped.
        case answer
    }

    package let path: Path
    package let bytes: [UInt8]
    package let priority: Priority
    /// The lane that sends; 0 for the event loop of the machine.
    package let lane: UInt8

    package init(path: Path, bytes: [UInt8], priority: Priority = .session, lane: UInt8 = 0) {
        self.path = path
        self.bytes = bytes
        self.priority = priority
        self.lane = lane
    }
}
