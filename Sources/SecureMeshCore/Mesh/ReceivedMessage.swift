/// A message from a member to this peer or to all.
public struct ReceivedMessage: Hashable, Sendable {
    /// The member that signed and sealed it.
    public let sender: Member
    /// The number that the sender gave it. It rises with each message that the sender sends to anyone, so a gap is a
    /// loss or a message to another member.
    public let number: UInt64
    /// True if the sender addressed all members.
    public let isBroadcast: Bool
    /// The bytes.
    public let body: [UInt8]

    /// Makes a message, for tests of programs that handle messages.
    public init(sender: Member, number: UInt64, isBroadcast: Bool, body: [UInt8]) {
        self.sender = sender
        self.number = number
        self.isBroadcast = isBroadcast
        self.body = body
    }

    /// The bytes as text in UTF-8, or nil if they are not.
    public var text: String? { String(validating: body, as: UTF8.self) }
}
