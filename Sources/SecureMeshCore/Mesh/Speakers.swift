/// The signers of the sessions in which this peer may send messages now.
package struct Speakers: Sendable {
    /// The signer of messages to the members that the directory lists; nil if this peer may not send to these members.
    package let listed: Signer?
    /// The signer of messages to the members of the former directory, who know this peer by its session in that
    /// directory; nil if this peer may not send to these members.
    package let former: Signer?

    /// True if this peer may not send any messages.
    package var isEmpty: Bool { listed == nil && former == nil }

    /// True if the receivers of a broadcast are exactly the listed members.
    var reachOnlyListed: Bool { listed != nil && former == nil }

    /// Returns true if this peer may send messages in `session`.
    package func isSpeaking(_ session: UInt64) -> Bool { listed?.from == session || former?.from == session }

    package init(listed: Signer?, former: Signer?) {
        self.listed = listed
        self.former = former
    }
}
