/// An event at a peer.
///
/// The events have an order on which a program can rely, unless ``missed(_:)`` says that some were dropped. A
/// *membership* begins with ``joined(address:)``, which is emitted exactly once per membership, before the membership's
/// other events. The membership ends with the next ``joined(address:)``, with ``left`` or ``ended(_:)``, or with
/// ``dismissed(_:)`` for any reason but `stopping`. The membership does not end while the server is gone or after it
/// has stopped. Members then exchange messages until trust in the directory ends, by default for a minute.
///
/// - Events of other members, ``nameMoved(_:from:to:)`` and ``message(_:)`` are emitted only during a membership. Right
///   after ``joined(address:)``, events report how the members differ from those that were reported before.
/// - For each key, ``memberJoined(_:)`` and ``memberLeft(_:reason:)`` alternate, even across memberships.
///   ``memberRejoined(_:previousName:)`` comes only after a ``memberJoined(_:)`` and before the
///   ``memberLeft(_:reason:)`` that follows. A ``message(_:)`` comes only from a member.
/// - If a key takes a name that another key had, ``nameMoved(_:from:to:)`` comes before the ``memberJoined(_:)`` or
///   ``memberRejoined(_:previousName:)`` that reports the key with this name. If earlier events have reported the name,
///   `from` is the last key that they reported under this name.
/// - ``connectionLost`` and ``connectionRecovered`` alternate, and are emitted only during a membership. At the
///   beginning of each membership, the peer is connected.
/// - ``refused(_:retryAfter:)``, ``excluded(_:by:retryAfter:)``, ``unanswered(attempts:)``,
///   ``slowRoundTrip(measured:bearable:)``, ``serverLocated(_:)``, ``lookupFailed(reason:)``, ``unreachable(_:at:_:)``
///   and ``directoryStalled(for:)`` may come at any time. ``dismissed(_:)`` may come at any time too, because the
///   server can end a session before its membership has begun.
/// - ``trustEnded(age:)`` and ``trustRestored`` alternate, and are emitted only during a membership. At the beginning
///   of each membership, the directory is trusted.
/// - ``left`` or ``ended(_:)`` is the last event. If ``MeshPeer/run()`` throws any other error than
///   ``MeshError/notAuthorized``, the events end without one of these.
@nonexhaustive
public enum PeerEvent: Hashable, Sendable {
    /// This peer is a member with a new session, and may send messages. The server sees this peer at the given address.
    case joined(address: SocketAddress)
    /// The server has not answered for at least three heartbeat intervals. This peer tries to join again.
    case connectionLost
    /// The server answers again, and this peer keeps its session.
    case connectionRecovered
    /// The server has ended the session. After the reason `revoked`, the event ``ended(_:)`` or
    /// ``excluded(_:by:retryAfter:)`` follows. After any other reason, the peer joins again. After `stopping`, the
    /// membership goes on without a server.
    case dismissed(Dismissal)
    /// The server does not admit this peer yet. The peer tries again after the given time.
    case refused(JoinDelay, retryAfter: Duration)
    /// The server with this key does not let the peer's key join. The peer asks the server again after the given time.
    /// If the time is nil, the peer asks only servers with other pinned keys. If there is no server to ask,
    /// ``ended(_:)`` is emitted instead.
    case excluded(Exclusion, by: PublicKey, retryAfter: Duration?)
    /// The server has not answered the last attempts to join; `attempts` is the number of these attempts. Probably
    /// there is no server at the address, or the server there has another key.
    case unanswered(attempts: Int)
    /// The connection fails because the round trip to the server takes `measured`, and the heartbeat interval allows at
    /// most `bearable`. Set a longer interval and lifetime at the server. This event is emitted at most once per
    /// minute.
    case slowRoundTrip(measured: Duration, bearable: Duration)
    /// The name of the server resolves to these addresses, which this peer tries in this order. The event is emitted
    /// after the first successful lookup, after a lookup that finds other addresses, and after the first successful
    /// lookup that follows ``lookupFailed(reason:)``.
    case serverLocated([SocketAddress])
    /// The name of the server cannot be looked up at present, for the reason that the system gives. This peer keeps
    /// trying, and uses the addresses that it knows. The event is not emitted again before the next
    /// ``serverLocated(_:)``.
    case lookupFailed(reason: String)
    /// This host cannot send to the given address of a member, or of the server if the member is nil. The event is
    /// emitted at most once per minute for each address.
    case unreachable(Member?, at: SocketAddress, SendRefusal)
    /// The server has accepted this peer and is alive, but for the given time no missing part of the directory has
    /// arrived. So this peer cannot join, or does not learn of changes. The network probably drops large datagrams. The
    /// event is emitted at most once per minute.
    case directoryStalled(for: Duration)
    /// For the given time, the server has not confirmed that this peer's directory is up to date. So this peer sends
    /// and delivers no messages until ``trustRestored`` or the next ``joined(address:)``.
    case trustEnded(age: Duration)
    /// This peer sends and delivers messages again, in the same session as before.
    case trustRestored

    /// A member has joined whose key was not in the directory before.
    case memberJoined(Member)
    /// A member has a new session, because the member has restarted, moved or renewed its keys. `previousName` is the
    /// member's former name; nil if the name has not changed.
    case memberRejoined(Member, previousName: PeerName?)
    /// A member has left or was removed, for the given reason, which the server publishes with the change. The reason
    /// is `stopping` if the server has restarted and the member has not joined again: for 15 s no other member has
    /// come back either, or five minutes have passed. The reason is nil if this peer has missed the change, and a later
    /// copy of the whole directory does not list the member.
    case memberLeft(Member, reason: Departure?)
    /// The directory has listed the key `to` under a name that belonged to the key `from` before. The key `to` may be
    /// gone again when the event is emitted.
    case nameMoved(PeerName, from: PublicKey, to: PublicKey)
    /// A message has arrived.
    case message(ReceivedMessage)
    /// This number of events was dropped, because the consumer of the events was too slow. If you keep a set of members
    /// from events, the set is wrong now: read ``MeshPeer/members()``, or use ``MeshPeer/membership``.
    case missed(Int)

    /// This peer has left, because its program asked it to. This is the last event.
    case left
    /// No pinned server lets this peer's key join, and the peer does not ask again. This is the last event.
    case ended(Exclusion)

    package var isLast: Bool {
        switch self {
        case .left, .ended: true
        case .joined, .connectionLost, .connectionRecovered, .dismissed, .refused, .excluded, .unanswered,
            .slowRoundTrip, .serverLocated, .lookupFailed, .unreachable, .directoryStalled, .trustEnded,
            .trustRestored, .memberJoined, .memberRejoined, .memberLeft, .nameMoved, .message, .missed:
            false
        }
    }
}
