/// A message from a member to this peer or to all members.
public struct ReceivedMessage: Hashable, Sendable {
    /// The member that signed and sealed the message.
    public let sender: Member
    /// The number that the sender gave the message. The number rises by one with each message that the sender sends to
    /// any member, and starts at 1 again with each new ``MeshPeer``. A gap means that a message was lost, was sent to
    /// another member or could not be sealed, or that the sender has measured a round trip.
    public let number: UInt64
    /// True if the sender sent the message to all members.
    public let isBroadcast: Bool
    /// The content of the message.
    public let body: [UInt8]

    /// Makes a message. Only tests of programs that handle messages need this.
    public init(sender: Member, number: UInt64, isBroadcast: Bool, body: [UInt8]) {
        self.sender = sender
        self.number = number
        self.isBroadcast = isBroadcast
        self.body = body
    }

    /// The content as text; nil if it is not valid UTF-8.
    public var text: String? { String(validating: body, as: UTF8.self) }
}
