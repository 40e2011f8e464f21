/// An event at a server.
@nonexhaustive
public enum ServerEvent: Hashable, Sendable {
    /// A peer has become a member.
    case joined(Member)
    /// A member's session has ended, for the given reason.
    case left(Member, Departure)
    /// A correctly signed request to join was refused. This event is emitted at most 10 times at once, and once per
    /// second after that.
    case turnedAway(name: PeerName, publicKey: PublicKey, JoinRefusal)
    /// A member is alive, but for the given time this member has received no missing part of the directory. The network
    /// probably drops large datagrams. This event is emitted at most once per minute for each member.
    case directoryStalled(Member, for: Duration)
    /// This host cannot send to a member. This event is emitted at most once per minute for each member.
    case unreachable(Member, SendRefusal)
    /// This number of members were late with their proof of life at the same sweep, and at least one proof is overdue
    /// now. So many late members make a common cause likely: a network or a host that has stalled, or too little CPU
    /// time. Until ``suspicionEnded(returned:ended:)``, a member expires only after five lifetimes instead of one.
    case suspected(Int)
    /// The server no longer suspects that members are late for a common cause. Of the members whose proof of life was
    /// overdue, `returned` have proven that they are alive, and `ended` have lost their sessions.
    case suspicionEnded(returned: Int, ended: Int)
    /// This number of events was dropped, because the consumer of the events was too slow.
    case missed(Int)
}
