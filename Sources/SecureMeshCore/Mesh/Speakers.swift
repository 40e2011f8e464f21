/// The signers of the sessions in which this peer may send messages now.
package struct Speakers: Sendable {
    /// To the members that the directory lists; nil if there is none.
    package let listed: Signer?
    /// To the members of the former directory, in the session that it lists; nil if there is none.
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
