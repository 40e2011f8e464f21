/// Puts a peer's events into the order that `PeerEvent` describes: each membership begins with one `.joined`.
///
/// A session is *pending* from its first fresh PULSE until the peer may send messages in it. While a session is
/// pending, messages and events about members are buffered. Events about members are also buffered while there is no
/// membership.
///
/// If the connection is lost and recovers while a session is pending, the buffering goes on, so `.joined` is never left
/// out. If the server stops while a session is pending, the membership that was reported last goes on without a server.
/// The buffered changes of members are then emitted as changes in this membership.
///
/// Changes of one member are merged. The buffered events are the differences between two sets: the members that were
/// reported last, and the members at the time of `.joined`. So the sizes of the two sets limit the number of these
/// events, even if a server lies.
///
/// A buffered message is dropped if its sender is not a member at the time of `.joined`, or if the session that
/// received the message is not trusted any more.
package struct JoinedGate: Sendable {
    /// The state of the membership that was reported last.
    private enum Membership: Sendable {
        case none, connected, lost
    }

    /// The buffered changes of one member.
    private struct Change: Sendable {
        let order: Int
        /// The name under which the emitted events last reported the member; nil if they do not report it as a member.
        let reportedName: PeerName?
    }

    private struct MovedName: Sendable {
        let order: Int
        let from: PublicKey
        var to: PublicKey
    }

    private var reported = Membership.none
    /// True if the emitted events say that this peer sends and delivers messages.
    private var isTrustReported = false
    /// True from the first fresh PULSE of a session until `.joined` is emitted.
    private(set) package var isPending = false
    private var changes: [PublicKey: Change] = [:]
    /// The newest departure of each member that the emitted events still report as a member.
    private var departures: [PublicKey: (member: Member, reason: Departure?)] = [:]
    private var movedNames: [PeerName: MovedName] = [:]
    private var messages: [(order: Int, message: ReceivedMessage, trustedUntil: Instant?)] = [] {
        didSet {
            guard messages.isEmpty else { return }
            for sender in departedSenders { changes[sender] = nil }
            (messageBytes, senders, departedSenders) = (0, [], [])
        }
    }
    private var messageBytes = 0
    /// The senders of the buffered messages.
    private var senders: Set<PublicKey> = []
    /// The senders of buffered messages that have joined and left again while events are buffered. The emitted events
    /// do not report them as members. Their changes are kept as long as the messages, so that a sender that comes back
    /// is reported before its message.
    private var departedSenders: Set<PublicKey> = []
    private var nextOrder = 0

    package init() {}

    package var usages: [Usage] {
        [
            Usage("buffered changes of members", changes.count, limit: 2 * Limits.directoryEntries + Limits.events),
            Usage("buffered departures", departures.count, limit: 2 * Limits.directoryEntries),
            Usage("buffered moves of names", movedNames.count, limit: Limits.rememberedIdentities),
            Usage("buffered messages", messages.count, limit: Limits.events),
            Usage("bytes of buffered messages", messageBytes, limit: Limits.eventBytes),
        ]
    }

    /// Begins to buffer the events of a new session.
    package mutating func begin() {
        isPending = true
    }

    /// Returns the events to emit after `event` has happened.
    ///
    /// - Parameters:
    ///   - isOfPrevious: True if the event is a message to the session before the pending one. This message is not
    ///     buffered if the emitted events report its sender as a member, and no change of the sender is buffered.
    ///   - trustedUntil: The end of the trust in the session that received the message; nil for all other events. A
    ///     message that is still buffered at this instant is dropped.
    package mutating func pass(
        _ event: PeerEvent, isOfPrevious: Bool = false, trustedUntil: Instant? = nil
    ) -> [PeerEvent] {
        switch event {
        case .connectionLost:
            guard reported == .connected else { return [] }
            reported = .lost
        case .connectionRecovered:
            guard reported == .lost, !isPending else { return [] }
            reported = .connected
        case .dismissed(.stopping):
            // The membership goes on without a server.
            (isPending, messages) = (false, [])
            if reported == .connected { reported = .lost }
        case .dismissed, .left, .ended:
            (reported, isPending, messages) = (.none, false, [])
        case .memberJoined, .memberRejoined, .memberLeft, .nameMoved, .message:
            if case .message(let message) = event {
                guard holds(message, isOfPrevious: isOfPrevious) else { break }
            } else {
                guard isBuffering else { break }
            }
            buffer(event, trustedUntil: trustedUntil)
            return []
        case .joined, .refused, .excluded, .unanswered, .slowRoundTrip, .serverLocated, .lookupFailed, .unreachable,
            .directoryStalled, .trustEnded, .trustRestored, .missed:
            break
        }
        return [event]
    }

    /// True if an event must be emitted when trust ends.
    package var watchesTrust: Bool { reported != .none && isTrustReported }

    /// Returns true if an event must report that trust has ended or is restored. The change then counts as reported.
    package mutating func isNews(trusted isTrusted: Bool) -> Bool {
        // The next `.joined` says that a pending session is trusted.
        guard reported != .none, isTrusted != isTrustReported, !(isTrusted && isPending) else { return false }
        isTrustReported = isTrusted
        return true
    }

    private var isBuffering: Bool { isPending || reported == .none }

    /// Makes room in the buffer for `count` events about members, which the caller then gives to `pass`. Does nothing
    /// if such events are not being buffered.
    package mutating func reserve(_ count: Int) {
        if isBuffering { changes.reserveCapacity(changes.count + count) }
    }

    /// Returns true if a message would be buffered. A buffered message may be dropped later, so its delivery is not
    /// certain.
    package func holds(_ message: ReceivedMessage, isOfPrevious: Bool) -> Bool {
        let isOfReported = isOfPrevious && reported != .none && changes[message.sender.publicKey] == nil
        return isBuffering && !isOfReported
    }

    /// Returns true if a message is emitted at once, or if there is room for it in the buffer.
    package func hasRoom(for message: ReceivedMessage, isOfPrevious: Bool) -> Bool {
        !holds(message, isOfPrevious: isOfPrevious) || isPending && hasRoom(for: message)
    }

    private func hasRoom(for message: ReceivedMessage) -> Bool {
        messages.count < Limits.events && messageBytes + message.body.count <= Limits.eventBytes
    }

    /// Returns `.joined` and the buffered events, or nothing if no session is pending.
    ///
    /// - Parameter member: Returns the present member with the given key; nil if there is none.
    package mutating func announce(
        _ address: SocketAddress, now: Instant, member: (PublicKey) -> Member?
    ) -> [PeerEvent] {
        guard isPending else { return [] }
        messages.removeAll { $0.trustedUntil.map { $0 <= now } ?? true }
        (reported, isPending, isTrustReported) = (.connected, false, true)
        return [.joined(address: address)] + takeBuffered(member)
    }

    /// Returns the events to emit when the server stops. The last one is `.dismissed(.stopping)`. If this peer is a
    /// member, the buffered changes of members come first.
    ///
    /// - Parameter member: Returns the listed member with the given key; nil if there is none.
    package mutating func stop(member: (PublicKey) -> Member?) -> [PeerEvent] {
        // The buffered messages may be dropped, because they were not acknowledged.
        messages = []
        return (reported == .none ? [] : takeBuffered(member)) + pass(.dismissed(.stopping))
    }

    /// Removes the buffered events, and returns them: first the moves of names, then the others in the order in which
    /// they happened.
    ///
    /// The merged event of a member has the place of the member's first buffered change. If the moves did not come
    /// first, this event could come before the move of the member's name.
    private mutating func takeBuffered(_ member: (PublicKey) -> Member?) -> [PeerEvent] {
        defer { (changes, departures, movedNames, messages, nextOrder) = ([:], [:], [:], [], 0) }
        let moves: [(order: Int, event: PeerEvent)] = movedNames.compactMap { name, move in
            move.from == move.to ? nil : (move.order, .nameMoved(name, from: move.from, to: move.to))
        }
        // Events are large, so they are made after sorting.
        var buffered: [(order: Int, key: PublicKey, message: Int?)] = changes.map { ($1.order, $0, nil) }
        buffered += messages.enumerated().map { ($1.order, $1.message.sender.publicKey, $0) }
        buffered.sort { $0.order < $1.order }
        return moves.sorted { $0.order < $1.order }.map(\.event)
            + buffered.compactMap { _, key, message in
                let present = member(key)
                guard let message else { return event(of: key, present: present) }
                return present.map { _ in .message(messages[message].message) }
            }
    }

    /// Returns the event that reports all changes of a member at once; nil if there is nothing to report.
    ///
    /// - Parameter present: The member as the directory lists it at present; nil if it is not listed.
    private func event(of key: PublicKey, present: Member?) -> PeerEvent? {
        switch (changes[key]?.reportedName, present) {
        case (nil, nil): nil
        case (nil, let present?): .memberJoined(present)
        case (let name?, let present?): .memberRejoined(present, previousName: name == present.name ? nil : name)
        case (_?, nil): departures[key].map { .memberLeft($0.member, reason: $0.reason) }
        }
    }

    private mutating func buffer(_ event: PeerEvent, trustedUntil: Instant?) {
        nextOrder += 1
        switch event {
        case .memberJoined(let member):
            departedSenders.remove(member.publicKey)
            note(member, reportedAs: nil)
        case .memberRejoined(let member, let previousName):
            note(member, reportedAs: previousName ?? member.name)
        case .memberLeft(let member, let reason):
            note(member, reportedAs: member.name)
            if changes[member.publicKey]?.reportedName != nil {
                departures[member.publicKey] = (member, reason)
            } else if senders.contains(member.publicKey) {
                departedSenders.insert(member.publicKey)
            } else {
                changes[member.publicKey] = nil
            }
        case .nameMoved(let name, let from, let to):
            // The directory of an honest server never has more names than this limit.
            guard movedNames[name] != nil || movedNames.count < Limits.rememberedIdentities else { break }
            movedNames[name, default: MovedName(order: nextOrder, from: from, to: to)].to = to
        case .message(let message):
            guard isPending, hasRoom(for: message) else { break }
            messages.append((nextOrder, message, trustedUntil))
            messageBytes += message.body.count
            senders.insert(message.sender.publicKey)
        case .joined, .connectionLost, .connectionRecovered, .dismissed, .refused, .excluded, .unanswered,
            .slowRoundTrip, .serverLocated, .lookupFailed, .unreachable, .directoryStalled, .trustEnded,
            .trustRestored, .missed, .left, .ended:
            break
        }
    }

    private mutating func note(_ member: Member, reportedAs name: PeerName?) {
        guard changes[member.publicKey] == nil else { return }
        changes[member.publicKey] = Change(order: nextOrder, reportedName: name)
    }
}
