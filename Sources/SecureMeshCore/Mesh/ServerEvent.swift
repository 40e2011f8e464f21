/// An event at a server.
///
/// The events have an order on which a program can rely, unless ``missed(_:)`` says that some were dropped.
///
/// - For each key, ``joined(_:)`` and ``left(_:_:)`` alternate, beginning with ``joined(_:)``. A ``left(_:_:)`` has the
///   same member as the ``joined(_:)`` before it. If a member joins again, ``left(_:_:)`` with the reason `replaced`
///   comes first, for its older session.
/// - ``directoryStalled(_:for:)`` and ``unreachable(_:_:)`` come only between the ``joined(_:)`` and the
///   ``left(_:_:)`` of their member.
/// - ``suspected(_:)`` and ``suspicionEnded(returned:ended:)`` alternate, beginning with ``suspected(_:)``.
/// - ``turnedAway(name:publicKey:_:)`` may come at any time before the server stops.
/// - When the server stops, ``left(_:_:)`` comes for each member, and no event of another kind comes. If the time for
///   stopping is not enough, some members have no ``left(_:_:)``. A server that keeps its directory emits none, because
///   its members stay.
@nonexhaustive
public enum ServerEvent: Hashable, Sendable {
    /// A peer has become a member, or is one because the server has kept its directory across a restart.
    case joined(Member)
    /// A member's session has ended, for the given reason.
    case left(Member, Departure)
    /// A correctly signed request to join was refused. This event is emitted at most 10 times at once, and once per
    /// second after that.
    case turnedAway(name: PeerName, publicKey: PublicKey, JoinRefusal)
    /// A member is alive, but for the given time it has received none of the directory parts that it lacks. The network
    /// probably drops large datagrams. This event is emitted at most once per minute for each member.
    case directoryStalled(Member, for: Duration)
    /// This host cannot send to a member. This event is emitted at most once per minute for each member.
    case unreachable(Member, SendRefusal)
    /// This number of members were late with their proof of life at the same sweep, and at least one proof is overdue
    /// now. A common cause is likely, because many members are late or because a crowd has just joined: a network or a
    /// host that has stalled, or too little CPU time. Until ``suspicionEnded(returned:ended:)``, a member expires only
    /// after five lifetimes instead of one.
    case suspected(Int)
    /// The server no longer suspects that members are late for a common cause. Of the members whose proof of life was
    /// overdue, `returned` have proven that they are alive, and `ended` have lost their sessions.
    case suspicionEnded(returned: Int, ended: Int)
    /// This number of events was dropped, because the consumer of the events was too slow.
    case missed(Int)
}
