/// The members whose sessions may exchange messages with one session of this peer.
package protocol MemberLookup: Sendable {
    /// Returns the directory entry of `session`; nil if the session is not listed.
    subscript(session: SessionID) -> Entry? { get }
    /// Returns whether `identity` is a member.
    func lists(_ identity: PublicKey) -> Bool
}
