/// An event at a server.
@nonexhaustive
public enum ServerEvent: Hashable, Sendable {
    /// A peer has become a member.
    case joined(Member)
    /// A membership has ended.
    case left(Member, Departure)
    /// A correctly signed request to join was refused. Of these there are at most 10 at once and one per second.
    case turnedAway(name: PeerName, publicKey: PublicKey, JoinRefusal)
    /// So many events were dropped here, since this consumer was too slow.
    case missed(Int)
}
