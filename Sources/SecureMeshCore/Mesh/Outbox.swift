/// The messages that this peer sends: their numbers, their rate, and the broadcasts that are not yet sealed for all of
/// their receivers (PROTOCOL.md, section 7.2).
///
/// A broadcast is signed once and sealed in slices, which `SealBudget` bounds. Broadcasts are sealed in the order in
/// which they were made.
///
/// If a member joins again before a broadcast is sealed for it, it gets the broadcast in its new session. If this peer
/// itself gets a new session, it signs the waiting broadcasts again, with the same numbers.
package struct Outbox: Sendable {
    private struct Broadcast: Sendable {
        let message: PeerMessage
        var signed: SignedPayload
        /// The receivers for which the message is not sealed yet.
        var receivers: BroadcastReceivers
        /// True if this is a repeat, which means that receivers may have the message already. If this peer gets a new
        /// session, a repeat is dropped, because receivers could not recognize it as a copy.
        let isRepeat: Bool
        /// The size of the datagram to each receiver, in bytes. It is stored, because for a computed property the
        /// compiler copies the whole broadcast.
        let size: Int
        /// The number of bytes that the broadcast counts toward `Limits.waitingBroadcastBytes`.
        let storedSize: Int
        /// The instant at which the broadcast is dropped, even if it is not sealed for all receivers yet.
        let until: Instant

        init(
            _ message: PeerMessage, _ signed: SignedPayload, to receivers: BroadcastReceivers, isRepeat: Bool,
            until: Instant
        ) {
            self.message = message
            self.signed = signed
            self.receivers = receivers
            self.isRepeat = isRepeat
            self.until = until
            size = Outbox.datagramSize(of: message.body)
            storedSize = Self.storedSize(bodySize: message.body.count, receivers: receivers.count)
        }

        static func storedSize(bodySize: Int, receivers: Int) -> Int { bodySize + receivers * Bytes32.count }
    }

    private var limiter: SendLimiter
    package var budget = SealBudget()
    private var number: UInt64 = 0
    private var waiting: [Broadcast] = []
    /// The last result of `receivers(in:by:)`, for the next call. Nil if a session has ended since, or if the result
    /// had members of the former directory.
    private var lastReceivers: BroadcastReceivers?
    /// True if `lastReceivers` or a broadcast may hold directory entries.
    private var holdsEntries = false
    private var waitingBytes = 0
    /// The instant at which sealing resumes; nil while this peer may not send messages.
    private var resumeAt: Instant?

    /// - Parameter accepted: The rates at which receivers accept this peer's messages.
    package init(within accepted: MessageLimits) {
        limiter = SendLimiter(within: accepted)
    }

    package var usages: [Usage] {
        [
            limiter.usage,
            Usage("waiting broadcasts", waiting.count, limit: Limits.waitingBroadcasts),
            Usage("bytes of waiting broadcasts", waitingBytes, limit: Limits.waitingBroadcastBytes),
        ]
    }

    /// True if every message has been sealed for all of its receivers.
    package var isEmpty: Bool { waiting.isEmpty }

    /// The instant at which `next` is to be called next; nil if no broadcast waits.
    package var deadline: Instant? { waiting.isEmpty ? nil : .earlier(waiting.first?.until, resumeAt) }

    /// The number that the next new message will get.
    package var nextNumber: UInt64 { number + 1 }

    /// Signs a message to one member.
    ///
    /// The message does not count toward the member's rate before `noteSent` is called.
    ///
    /// - Returns: The message and its signed payload. `before` has the earlier broadcasts that still wait for the
    ///   member, with their numbers. The caller must seal these broadcasts first, so that the member gets this peer's
    ///   messages in the order in which they were made. `size` is the size of the datagrams of all these messages, in
    ///   bytes.
    /// - Throws: `SendError.overRate` if the member would refuse the message or one of these broadcasts now, because
    ///   they exceed the rates at which the member accepts messages.
    package mutating func sign(
        _ body: [UInt8], flags: PeerMessage.Flags, for entry: Entry, by signer: Signer, now: Instant
    ) throws(SendError) -> (
        before: [(payload: SignedPayload, number: UInt64)], message: PeerMessage, signed: SignedPayload, size: Int
    ) {
        let before = waiting.indices.filter {
            !waiting[$0].isRepeat && waiting[$0].receivers.contains(entry.identity)
        }
        let size = before.reduce(Self.datagramSize(of: body)) { $0 + waiting[$1].size }
        let wait = limiter.wait(for: entry.session, count: before.count + 1, size: size, now: now)
        guard wait == .zero else { throw .overRate(retryAfter: wait) }
        let earlier = before.map { index in
            waiting[index].receivers.remove(entry.identity)
            signIfNeeded(index, by: signer)
            return (payload: waiting[index].signed, number: waiting[index].message.number)
        }
        number += 1
        let message = PeerMessage(audience: entry.identity, number: number, flags: flags, body: body)
        return (earlier, message, signer.sign(.message, message), size)
    }

    /// Returns all other members for which a message can be sealed now.
    package mutating func receivers(in directory: DirectoryReplica, by speakers: Speakers) -> BroadcastReceivers {
        if speakers.reachOnlyListed, let lastReceivers, lastReceivers.belong(to: directory.generation) {
            return lastReceivers
        }
        // So at most the entries of one generation are kept, whatever a lying server does.
        forgetEntries()
        let receivers = directory.receivers(by: speakers)
        holdsEntries = true
        lastReceivers = receivers.belong(to: directory.generation) ? receivers : nil
        return receivers
    }

    /// Signs a message to all other members, and adds it to the broadcasts that wait.
    ///
    /// - Parameter receivers: The result of `receivers(in:by:)`.
    /// - Throws: `SendError.queueFull` if there is no room for the message; `.overRate` if the message now exceeds the
    ///   rates at which one of the receivers accepts messages.
    package mutating func enqueue(
        _ body: [UInt8], flags: PeerMessage.Flags, for receivers: BroadcastReceivers, by signer: Signer, now: Instant
    ) throws(SendError) -> (message: PeerMessage, signed: SignedPayload) {
        guard hasRoom(bodySize: body.count, receivers: receivers.count) else { throw .queueFull }
        let size = Self.datagramSize(of: body)
        let wait = limiter.wait(for: receivers.all, size: size, now: now)
        guard wait == .zero else { throw .overRate(retryAfter: wait) }
        number += 1
        let message = PeerMessage(audience: nil, number: number, flags: flags, body: body)
        let signed = signer.sign(.message, message)
        var receivers = receivers
        if receivers.mayBeFormer { receivers.forgetEntries() }
        append(
            Broadcast(
                message, signed, to: receivers, isRepeat: false, until: now + Limits.broadcastLifetime), now: now)
        return (message, signed)
    }

    /// Adds the repeat of a message to the broadcasts that wait. Does nothing if the message already waits, if it has
    /// no receivers, or if there is no room.
    package mutating func enqueue(_ due: Deliveries.Repeat, now: Instant) {
        guard !due.receivers.isEmpty,
            hasRoom(bodySize: due.message.body.count, receivers: due.receivers.count),
            !waiting.contains(where: { $0.message.number == due.message.number })
        else { return }
        append(
            Broadcast(
                due.message, due.signed, to: BroadcastReceivers(due.receivers), isRepeat: true,
                until: min(due.until, now + Limits.broadcastLifetime)), now: now)
    }

    /// Returns the size of the datagram of a message with this body, in bytes.
    private static func datagramSize(of body: [UInt8]) -> Int { Kind.message.minimumSize + body.count }

    private func hasRoom(bodySize: Int, receivers: Int) -> Bool {
        let storedSize = Broadcast.storedSize(bodySize: bodySize, receivers: receivers)
        return !isFull && waitingBytes + storedSize <= Limits.waitingBroadcastBytes
    }

    private mutating func append(_ broadcast: Broadcast, now: Instant) {
        waiting.append(broadcast)
        holdsEntries = true
        waitingBytes += broadcast.storedSize
        if waiting.count == 1 { resumeAt = now }
    }

    /// True if the number of waiting broadcasts has reached its limit.
    package var isFull: Bool { waiting.count >= Limits.waitingBroadcasts }

    /// Returns the next payload to seal, its receiver, the number of the message in it, and whether it is a repeat,
    /// whose receiver may have a copy; nil if nothing can be sealed now. The message counts toward the receiver's rate,
    /// even if it cannot be sealed.
    ///
    /// - Parameters:
    ///   - speakers: The signers of the sessions in which this peer may send messages.
    ///   - deliveries: The messages that wait for acknowledgments. A message is not repeated for receivers that have
    ///     acknowledged it.
    package mutating func next(
        in directory: DirectoryReplica, by speakers: Speakers, _ deliveries: Deliveries, now: Instant
    ) -> (payload: SignedPayload, shared: SharedEntry, number: UInt64, isRepeat: Bool)? {
        // Copying a broadcast costs more than sealing it, so `waiting[0]` is read in place.
        while !waiting.isEmpty, waiting[0].until <= now { removeFirst() }
        removeFinished()
        guard !speakers.isEmpty else {
            resumeAt = nil
            return nil
        }
        while !waiting.isEmpty {
            if waiting[0].isRepeat {
                guard speakers.isSpeaking(waiting[0].signed.from) else {
                    removeFirst()
                    removeFinished()
                    continue
                }
                guard deliveries.misses(waiting[0].message.number, from: waiting[0].receivers.nextIdentity) else {
                    removeReceiver()
                    continue
                }
            }
            guard budget.isOpen(now: now) else {
                resumeAt = budget.nextSlice
                return nil
            }
            if let shared = nextReceiver(in: directory, by: speakers) {
                let wait = limiter.admit(to: shared.entry.session, size: waiting[0].size, now: now)
                guard wait == .zero else {
                    resumeAt = now + wait
                    return nil
                }
                let next = (waiting[0].signed, shared, waiting[0].message.number, waiting[0].isRepeat)
                removeReceiver()
                return next
            }
            if directory.entry(of: waiting[0].receivers.nextIdentity) != nil, speakers.listed == nil {
                // The receiver is listed or may come back, and this peer may soon send messages to listed members.
                resumeAt = nil
                return nil
            }
            // The receiver has left, trust in the former directory has ended, or the receiver could not recognize the
            // repeat as a copy.
            removeReceiver()
        }
        return nil
    }

    /// Returns the entry of the oldest broadcast's next receiver; nil if the broadcast cannot be sealed for this
    /// receiver now. If the receiver knows this peer by another session, the broadcast is signed again in that session.
    private mutating func nextReceiver(in directory: DirectoryReplica, by speakers: Speakers) -> SharedEntry? {
        if let shared = waiting[0].receivers.nextEntry(in: directory.generation),
            speakers.listed?.from == waiting[0].signed.from
        {
            return shared
        }
        guard let (shared, signer) = directory.receiver(waiting[0].receivers.nextIdentity, by: speakers),
            !waiting[0].isRepeat || waiting[0].signed.from == signer.from
        else { return nil }
        signIfNeeded(0, by: signer)
        return shared
    }

    /// Resumes the sealing of broadcasts, because this peer may send messages again.
    package mutating func resume(_ now: Instant) {
        if !waiting.isEmpty, resumeAt == nil { resumeAt = now }
    }

    /// Counts messages that `sign` returned, and that were sealed, toward the rate of their receiver.
    ///
    /// - Parameters:
    ///   - count: The number of messages.
    ///   - size: The total size of the messages' datagrams, in bytes.
    package mutating func noteSent(_ count: Int, size: Int, to session: SessionID, now: Instant) {
        _ = limiter.admit(to: session, count: count, size: size, now: now)
    }

    /// Forgets the send rate of a session that has ended.
    package mutating func end(_ session: SessionID) {
        limiter.end(session)
        forgetEntries()
    }

    /// Forgets the send rates of all sessions to which messages may not be sent any more.
    ///
    /// - Parameter isListed: Returns true for a session to which messages may be sent.
    package mutating func endAll(unless isListed: (SessionID) -> Bool) {
        limiter.endAll(unless: isListed)
        forgetEntries()
    }

    /// Forgets the directory entries of all receivers, but not their identities.
    private mutating func forgetEntries() {
        guard holdsEntries else { return }
        holdsEntries = false
        lastReceivers = nil
        for index in waiting.indices {
            waiting[index].receivers.forgetEntries(like: index > 0 ? waiting[index - 1].receivers : nil)
        }
    }

    /// Drops the broadcasts that wait.
    package mutating func removeAll() {
        waiting = []
        waitingBytes = 0
    }

    /// Signs the broadcast at `index` with `signer`, unless it was signed in that signer's session.
    private mutating func signIfNeeded(_ index: Int, by signer: Signer) {
        if waiting[index].signed.from != signer.from {
            waiting[index].signed = signer.sign(.message, waiting[index].message)
        }
    }

    /// Removes the next receiver of the oldest broadcast.
    private mutating func removeReceiver() {
        waiting[0].receivers.removeNext()
        removeFinished()
    }

    private mutating func removeFinished() {
        while !waiting.isEmpty, waiting[0].receivers.isEmpty { removeFirst() }
    }

    /// Removes the oldest broadcast.
    private mutating func removeFirst() {
        waitingBytes -= waiting.removeFirst().storedSize
    }
}
