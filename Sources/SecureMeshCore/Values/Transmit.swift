/// A datagram to send: its bytes, the socket that sends it, its destination, and its priority.
package struct Transmit: Hashable, Sendable {
    /// The treatment of a datagram that the socket cannot send at once.
    package enum Priority: Hashable, Sendable {
        /// A datagram between the server and a member, or from a peer that joins. It waits until the socket can send.
        case session
        /// A message to another member. It is dropped while datagrams with the priority `session` wait, or while at
        /// least half of the send buffer is in use.
        case message
        /// An answer to a HELLO, whose source may be forged. It is dropped while datagrams with the priority `session`
        /// wait, or while at least half of the send buffer is in use.
        ///
        /// If at least a quarter of the send buffer or `Limits.answerBuffer` bytes are in use, the answer is sent only
        /// if the system knows the link-layer address of its destination. Then the answer leaves at once.
        case answer
    }

    package let path: Path
    package let bytes: [UInt8]
    package let priority: Priority
    /// The lane that sends the datagram; 0 if the event loop of the state machine sends it.
    package let lane: UInt8

    package init(path: Path, bytes: [UInt8], priority: Priority = .session, lane: UInt8 = 0) {
        self.path = path
        self.bytes = bytes
        self.priority = priority
        self.lane = lane
    }
}
