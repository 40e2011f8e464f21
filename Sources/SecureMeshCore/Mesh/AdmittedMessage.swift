/// A received message that has passed the gates of PROTOCOL.md, section 7.3, with the values that its ACK needs.
package struct AdmittedMessage: Sendable {
    package let message: ReceivedMessage
    /// The sender's session.
    package let session: SessionID
    /// True if the sender asks for an ACK.
    package let wantsAcknowledgment: Bool
    /// True if the message is a probe, which only measures the round trip.
    package let isProbe: Bool
}
