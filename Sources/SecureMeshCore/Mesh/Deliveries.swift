/// This peer's messages that wait for acknowledgments (PROTOCOL.md, section 7.4).
///
/// A message is repeated to the receivers whose ACK is missing. The gaps between the repeats are equal at first. Then
/// each gap is twice the previous one, up to a limit. The repeats end when all ACKs have come, when the timeout has
/// passed, when nobody waits any more, or when this peer gets a new session. In the new session, the message would need
/// a new signature, and receivers would take it for a different message. The repeats to one receiver also end if they
/// cannot be sealed for it.
package struct Deliveries: Sendable {
    private struct Unacknowledged: Sendable {
        let message: PeerMessage
        let signed: SignedPayload
        /// All receivers, in the order in which the message is sent to them.
        let receivers: [PublicKey]
        var missing: Set<PublicKey>
        /// The receivers to which the message was not sent, because it could not be sealed for them.
        var excluded: Set<PublicKey> = []
        /// The receivers to which the message is not repeated. Either their first copy was signed in another session of
        /// this peer, so they would take `signed` for a different message. Or a repeat could not be sealed for them.
        var unrepeatable: Set<PublicKey> = []
        let size: Int
        let startedAt: Instant
        let until: Instant
        /// The instant of the next repeat.
        var repeatAt: Instant
        var gap: Duration
        /// The number of repeats so far.
        var repeats = 0
        let longestGap: Duration

        func result(_ now: Instant) -> DeliveryResult {
            DeliveryResult(
                acknowledgedBy: receivers.filter { !missing.contains($0) && !excluded.contains($0) },
                missing: receivers.filter(missing.contains), time: now - startedAt)
        }
    }

    /// A message that is to be sent again.
    package struct Repeat: Sendable {
        package let message: PeerMessage
        package let signed: SignedPayload
        /// The receivers whose ACK is missing.
        package let receivers: [PublicKey]
        /// The instant at which the message stops waiting for its acknowledgments.
        package let until: Instant
    }

    /// The messages that wait for acknowledgments, in ascending order of their numbers.
    private var unacknowledged: [Unacknowledged] = []
    private var bytes = 0
    private var finished = FinishedDeliveries()
    /// The instant from which a call of `expire` or `due` has an effect; nil if no message waits.
    private(set) package var deadline: Instant?

    package init() {}

    package var usages: [Usage] {
        [
            Usage("unacknowledged messages", unacknowledged.count, limit: Limits.unacknowledgedMessages),
            Usage("bytes of unacknowledged messages", bytes, limit: Limits.unacknowledgedBytes),
        ] + finished.usages
    }

    /// Returns true if a message can be added.
    ///
    /// - Parameters:
    ///   - number: The number that the message will have. There is no room if it is 2,048 or more above the number of
    ///     the oldest waiting message, because a receiver recognizes copies only among the newest 2,048 numbers.
    ///   - bodySize: The size of the message's body in bytes.
    ///   - receivers: The number of the message's receivers.
    package func hasRoom(number: UInt64, bodySize: Int, receivers: Int) -> Bool {
        let oldest = unacknowledged.first?.message.number ?? number
        return unacknowledged.count < Limits.unacknowledgedMessages && number - oldest < ProtocolConstants.windowSize
            && bytes + Self.size(bodySize, receivers) <= Limits.unacknowledgedBytes
    }

    /// Adds a message that is sent for the first time.
    ///
    /// - Parameters:
    ///   - timeout: The time for which the message waits for its ACKs, at most `Limits.longestDelivery`.
    ///   - spread: The longest random delay with which a receiver sends its ACK.
    package mutating func begin(
        _ message: PeerMessage, _ signed: SignedPayload, to receivers: [PublicKey], timeout: Duration, spread: Duration,
        now: Instant
    ) {
        guard !receivers.isEmpty else {
            return finished.add(DeliveryResult(acknowledgedBy: [], missing: [], time: .zero), for: message.number)
        }
        let size = Self.size(message.body.count, receivers.count)
        let gap = Limits.firstRepeat + spread
        unacknowledged.append(
            Unacknowledged(
                message: message, signed: signed, receivers: receivers, missing: Set(receivers), size: size,
                startedAt: now, until: now + min(timeout, Limits.longestDelivery), repeatAt: now + gap, gap: gap,
                longestGap: Limits.longestRepeat + spread))
        bytes += size
        updateDeadline()
    }

    /// Returns the result of a message that asked for acknowledgments; nil while the message waits for them. If the
    /// result was evicted, returns a result whose `isForgotten` is true.
    package func result(of number: UInt64) -> DeliveryResult? {
        guard index(of: number) == nil else { return nil }
        // A result that the application did not take in time was evicted.
        return finished[number] ?? DeliveryResult(acknowledgedBy: [], missing: [], time: .zero, isForgotten: true)
    }

    /// Removes the result of a message after the application has taken this result.
    package mutating func forget(_ number: UInt64) {
        finished.remove(number)
    }

    /// Returns true if message `number` still waits for an ACK from `identity`.
    package func misses(_ number: UInt64, from identity: PublicKey) -> Bool {
        index(of: number).map { unacknowledged[$0].missing.contains(identity) } ?? false
    }

    /// Notes an ACK. The ACK has no effect if its sender has acknowledged the message before, or if the message no
    /// longer waits.
    package mutating func note(_ acknowledgment: AdmittedAcknowledgment, now: Instant) {
        guard let index = index(of: acknowledgment.number),
            unacknowledged[index].missing.remove(acknowledgment.receiver) != nil
        else { return }
        finishIfComplete(index, now)
    }

    /// Notes that a message was sealed for a receiver for the first time. If this copy was signed in another session of
    /// this peer than the stored payload, the message is not repeated to this receiver.
    ///
    /// - Parameter session: The session in which this peer signed the copy. For a member of the former directory, it is
    ///   this peer's session in that directory.
    package mutating func noteSealed(_ number: UInt64, for identity: PublicKey, from session: UInt64) {
        guard let index = index(of: number), unacknowledged[index].signed.from != session else { return }
        unacknowledged[index].unrepeatable.insert(identity)
    }

    /// Notes that a repeat could not be sealed for a receiver. The message still waits for the receiver's ACK, because
    /// the receiver may have a copy.
    package mutating func stopRepeating(_ number: UInt64, for identity: PublicKey) {
        guard let index = index(of: number) else { return }
        unacknowledged[index].unrepeatable.insert(identity)
    }

    /// Forgets a message, for whose acknowledgments nobody waits any more. It is not repeated, and gets no result.
    package mutating func cancel(_ number: UInt64) {
        finished.remove(number)
        guard let index = index(of: number) else { return }
        bytes -= unacknowledged.remove(at: index).size
        updateDeadline()
    }

    /// Stops waiting for the ACK of a receiver, because no copy of the message could be sealed for this receiver.
    package mutating func drop(_ identity: PublicKey, from number: UInt64, now: Instant) {
        guard let index = index(of: number), unacknowledged[index].missing.remove(identity) != nil else { return }
        unacknowledged[index].excluded.insert(identity)
        finishIfComplete(index, now)
    }

    /// Stops waiting for the ACKs of all messages whose time is over, and stores the results of these messages.
    package mutating func expire(now: Instant) {
        for index in unacknowledged.indices.reversed() where unacknowledged[index].until <= now { finish(index, now) }
    }

    /// Returns the messages that are to be repeated now, with the receivers whose ACK is missing. Schedules the next
    /// repeat of each of these messages.
    ///
    /// - Parameter session: The session in which this peer may send messages. If `session` is nil, nothing is returned,
    ///   and the repeats are postponed.
    package mutating func due(
        in session: SessionID?, random: inout RandomSource, now: Instant
    ) -> [Repeat] {
        var due: [Repeat] = []
        for index in unacknowledged.indices where unacknowledged[index].repeatAt <= now {
            let item = unacknowledged[index]
            if let session, item.signed.from != session.rawValue {
                unacknowledged[index].repeatAt = item.until
                continue
            }
            if session != nil {
                due.append(
                    Repeat(
                        message: item.message, signed: item.signed,
                        receivers: item.receivers.filter {
                            item.missing.contains($0) && !item.unrepeatable.contains($0)
                        }, until: item.until))
            }
            let isSteady = item.repeats < Limits.steadyRepeats - 1 && unacknowledged.count <= Limits.steadyMessages
            let gap = isSteady ? item.gap : min(item.gap * 2, item.longestGap)
            unacknowledged[index].repeats += 1
            unacknowledged[index].gap = gap
            unacknowledged[index].repeatAt = now + random.jittered(gap)
        }
        updateDeadline()
        return due
    }

    private static func size(_ bodySize: Int, _ receivers: Int) -> Int {
        // Each receiver is in an array, and in a set that takes about twice as much memory.
        bodySize + receivers * 3 * Bytes32.count
    }

    /// Returns the index of a message; nil if it does not wait for acknowledgments. This is a binary search, because
    /// each waiting caller asks for its message after each pass of the event loop.
    private func index(of number: UInt64) -> Int? {
        var (low, high) = (0, unacknowledged.count)
        while low < high {
            let middle = low + (high - low) / 2
            if unacknowledged[middle].message.number < number { low = middle + 1 } else { high = middle }
        }
        return low < unacknowledged.count && unacknowledged[low].message.number == number ? low : nil
    }

    private mutating func finishIfComplete(_ index: Int, _ now: Instant) {
        if unacknowledged[index].missing.isEmpty { finish(index, now) }
    }

    private mutating func finish(_ index: Int, _ now: Instant) {
        let item = unacknowledged.remove(at: index)
        bytes -= item.size
        finished.add(item.result(now), for: item.message.number)
        updateDeadline()
    }

    private mutating func updateDeadline() {
        deadline = unacknowledged.lazy.map { min($0.repeatAt, $0.until) }.min()
    }
}
