/// An event at a peer.
///
/// The events have an order on which a program can rely. A *membership* begins with ``joined(address:)``, which is
/// emitted exactly once, before all its other events. It ends with the next ``joined(address:)``, or with
/// ``dismissed(_:)``, ``left`` or ``ended(_:)``. It does not end if the server is gone or says that it is `stopping`:
/// members exchange messages until trust in the directory ends, by default for a minute.
///
/// - Events of other members, ``nameMoved(_:from:to:)`` and ``message(_:)`` are emitted only during a membership.
///   Right after ``joined(address:)`` come the differences from the members that were reported before.
/// - ``memberJoined(_:)`` and ``memberLeft(_:reason:)`` of one key alternate, over all memberships, and
///   ``memberRejoined(_:previousName:)`` comes only between the two.
/// - ``connectionLost`` and ``connectionRecovered`` alternate, only during a membership. Each membership begins
///   connected.
/// - ``refused(_:retryAfter:)``, ``excluded(_:by:retryAfter:)``, ``unanswered(attempts:)``,
///   ``slowRoundTrip(measured:bearable:)``, ``serverLocated(_:)``, ``lookupFailed(reason:)``,
///   ``unreachable(_:at:_:)`` and ``directoryStalled(for:)`` may come at any time, and so may ``dismissed(_:)``: the
///   server can end a session before its membership has begun.
/// - ``trustEnded(age:)`` and ``trustRestored`` alternate, only during a membership. Each membership begins trusted.
/// - ``left`` or ``ended(_:)`` is the last event.
@nonexhaustive
public enum PeerEvent: Hashable, Sendable {
    /// This peer is a member with a new session, and may send messages. The server sees it at this address.
    case joined(address: SocketAddress)
    /// The server has not answered for three heartbeat intervals. This peer joins again.
    case connectionLost
    /// The server has answered again before a new session was needed.
    case connectionRecovered
    /// The server has ended the session. If the reason is `revoked`, `ended` or `excluded` follows; otherwise the peer
    /// joins again. After `stopping`, the membership goes on without a server.
    case dismissed(Dismissal)
    /// The server does not admit this peer yet. The peer tries again after the given time.
    case refused(JoinDelay, retryAfter: Duration)
    /// The server with this key does not let the peer's key join. The peer asks the server again after the given time.
    /// If the time is nil, the peer asks only servers with other pinned keys. If there is no server to ask, `ended` is
    /// emitted instead.
    case excluded(Exclusion, by: PublicKey, retryAfter: Duration?)
    /// This number of attempts to join in a row had no answer. There is no server at the address, or one with another
    /// key.
    case unanswered(attempts: Int)
    /// The connection fails because the round trip to the server is longer than its heartbeat interval allows. Set a
    /// longer interval and lifetime at the server. At most once per minute.
    case slowRoundTrip(measured: Duration, bearable: Duration)
    /// The name of the server has these addresses, which are asked in this order. Emitted after the first successful
    /// lookup, when the addresses have changed, and after ``lookupFailed(reason:)``.
    case serverLocated([SocketAddress])
    /// The name of the server cannot be looked up at present, for the reason that the system gives. This peer keeps
    /// trying, and uses the addresses that it knows. Emitted once until ``serverLocated(_:)``.
    case lookupFailed(reason: String)
    /// This host cannot send to this address of a member, or of the server if the member is nil. At most once per
    /// minute and address.
    case unreachable(Member?, at: SocketAddress, SendRefusal)
    /// The server has accepted this peer and is alive, but no missing part of the directory has arrived for the given
    /// time. So this peer cannot join, or does not learn of changes. The network probably drops large datagrams. At
    /// most once per minute.
    case directoryStalled(for: Duration)
    /// The directory has reached this age without a sign of the server that it is up to date, so no message is sent or
    /// delivered until ``trustRestored`` or the next ``joined(address:)``.
    case trustEnded(age: Duration)
    /// Messages are sent and delivered again, in the same session.
    case trustRestored

    /// A member has joined whose key was not in the directory.
    case memberJoined(Member)
    /// A member has a new session: it has restarted, moved or renewed its keys. `previousName` is its former name; nil
    /// if its name is the same.
    case memberRejoined(Member, previousName: PeerName?)
    /// A key is no longer a member, for a reason that the server gives with the change. The reason is `stopping` if the
    /// server has restarted and the member has not joined again within 15 s. It is nil if this peer has missed the
    /// change, and has found the member absent from a whole directory.
    case memberLeft(Member, reason: Departure?)
    /// A name that this peer has seen with the key `from` is held by the key `to`.
    case nameMoved(PeerName, from: PublicKey, to: PublicKey)
    /// A message has come.
    case message(ReceivedMessage)
    /// This number of events was dropped, because this consumer was too slow. If you keep a set of members from events,
    /// it is wrong now: read ``MeshPeer/members()``, or use ``MeshPeer/membership``.
    case missed(Int)

    /// This peer has left, because its program asked it to. The last event.
    case left
    /// No pinned server lets this peer's key join, and the peer does not ask again. The last event.
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
