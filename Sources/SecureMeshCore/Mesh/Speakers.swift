/// The signers of the sessions in which this peer may send messages now.
package struct Speakers: Sendable {
    /// The signer of messages to the members that the directory lists; nil if this peer may not send to them.
    package let listed: Signer?
    /// The signer of messages to the members of the former directory, in the session that it lists; nil if this peer
    /// may not send to them.
    package let former: Signer?

    /// True if this peer may send no messages.
    package var isEmpty: Bool { listed == nil && former == nil }

    /// Returns true if messages may be sent in this session.
    package func isSpeaking(_ session: UInt64) -> Bool { listed?.from == session || former?.from == session }

    package init(listed: Signer?, former: Signer?) {
        self.listed = listed
        self.former = former
    }
}
