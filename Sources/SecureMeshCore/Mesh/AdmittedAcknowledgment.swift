/// An ACK that has passed the gates of PROTOCOL.md, section 7.3.
package struct AdmittedAcknowledgment: Hashable, Sendable {
    /// The identity that has received the message.
    package let receiver: PublicKey
    /// The number of the message.
    package let number: UInt64
}
