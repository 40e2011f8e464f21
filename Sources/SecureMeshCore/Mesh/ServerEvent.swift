/// An event at a server.
@nonexhaustive
public enum ServerEvent: Hashable, Sendable {
    /// A peer has become a member.
    case joined(Member)
    /// A membership has ended.
    case left(Member, Departure)
    /// A correctly signed request to join was refused. At most one such event per second, and 10 at once.
    case turnedAway(name: PeerName, publicKey: PublicKey, JoinRefusal)
    /// A member is alive, but no missing part of the directory has reached it for the given time. The network probably
    /// drops large datagrams. At most once per minute and member.
    case directoryStalled(Member, for: Duration)
    /// This host cannot send to a member. At most once per minute and member.
    case unreachable(Member, SendRefusal)
    /// This number of members is overdue. Because many members are late at once, a common cause is likely: a network or
    /// a host that has stalled, or too little CPU time. Until ``suspicionEnded(returned:ended:)`` each member gets four
    /// more lifetimes.
    case suspected(Int)
    /// The suspicion has ended. Of the members that were overdue, `returned` have proved that they are alive, and
    /// `ended` have lost their sessions.
    case suspicionEnded(returned: Int, ended: Int)
    /// This number of events was dropped, because this consumer was too slow.
    case missed(Int)
}
