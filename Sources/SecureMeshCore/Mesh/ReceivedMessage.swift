/// A message from a member to this peer or to all.
public struct ReceivedMessage: Hashable, Sendable {
    /// The member that signed and sealed the message.
    public let sender: Member
    /// The number that the sender gave the message. It rises with each message that the sender sends to anyone, so a
    /// gap is a loss or a message to another member.
    public let number: UInt64
    /// True if the sender addressed all members.
    public let isBroadcast: Bool
    /// The content of the message.
    public let body: [UInt8]

    /// Makes a message, for tests of programs that handle messages.
    public init(sender: Member, number: UInt64, isBroadcast: Bool, body: [UInt8]) {
        self.sender = sender
        self.number = number
        self.isBroadcast = isBroadcast
        self.body = body
    }

    /// The content as text; nil if it is not valid UTF-8.
    public var text: String? { String(validating: body, as: UTF8.self) }
}
