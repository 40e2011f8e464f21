/// An event at a server.
@nonexhaustive
public enum ServerEvent: Hashable, Sendable {
    /// A peer has become a member.
    case joined(Member)
    /// A membership has ended.
    case left(Member, Departure)
    /// A correctly signed request to join was refused. Of these there are at most 10 at once and one per second.
    case turnedAway(name: PeerName, publicKey: PublicKey, JoinRefusal)
    /// So many members are overdue at once that a common cause is likely: a network or a host that stands still. None
    /// of them ends until ``suspicionEnded(returned:ended:)``, at the latest after four more lifetimes.
    case suspected(Int)
    /// Of the members that were suspected, so many have shown that they live, and so many end now.
    case suspicionEnded(returned: Int, ended: Int)
    /// So many events were dropped here, since this consumer was too slow.
    case missed(Int)
}
