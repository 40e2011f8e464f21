/// An ACK that has passed the gates of PROTOCOL.md, section 7.3.
package struct AdmittedAcknowledgment: Hashable, Sendable {
    /// The identity that received the message and sent the ACK.
    package let receiver: PublicKey
    /// The number of the acknowledged message.
    package let number: UInt64
}
