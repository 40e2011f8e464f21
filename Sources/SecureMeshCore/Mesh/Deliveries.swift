/// This peer's messages that wait for acknowledgments (PROTOCOL.md, section 7.4).
///
/// A message is repeated, at first with equal and then with doubling gaps, to the receivers whose ACK is missing. The
/// repeats end when all ACKs have come, when the message's time is over, or when this peer has a new session. If the
/// message were signed again in the new session, receivers would take it for another message.
package struct Deliveries: Sendable {
    private struct Unacknowledged: Sendable {
        let message: PeerMessage
        let signed: SignedPayload
        /// All receivers, in the order in which the message is sent to them.
        let receivers: [PublicKey]
        var missing: Set<PublicKey>
        /// The receivers for which the message could not be sealed, so that it was not sent to them.
        var excluded: Set<PublicKey> = []
        /// The receivers that got the message signed in another session of this peer. They would take a repeat for
        /// another message.
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
    /// The instant from which a call of `expire` or `due` has an effect.
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
    ///   - number: The number that the message will have. A receiver recognizes copies only among the newest 2,048
    ///     numbers, so there is no room for a number that is 2,048 or more above the oldest one that waits.
    ///   - bodySize: The number of bytes of its body.
    ///   - receivers: The number of its receivers.
    package func hasRoom(number: UInt64, bodySize: Int, receivers: Int) -> Bool {
        let oldest = unacknowledged.first?.message.number ?? number
        return unacknowledged.count < Limits.unacknowledgedMessages && number - oldest < ProtocolConstants.windowSize
            && bytes + Self.size(bodySize, receivers) <= Limits.unacknowledgedBytes
    }

    /// Adds a message that is sent for the first time.
    ///
    /// - Parameters:
    ///   - timeout: The time for which the message waits for its ACKs, at most `Limits.longestDelivery`.
    ///   - spread: The time over which the receivers spread their ACKs.
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

    /// Returns the result of a message that asked for acknowledgments; nil while it waits for them.
    package func result(of number: UInt64) -> DeliveryResult? {
        guard index(of: number) == nil else { return nil }
        // A result that the application did not take in time was evicted.
        return finished[number] ?? DeliveryResult(acknowledgedBy: [], missing: [], time: .zero, isForgotten: true)
    }

    /// Forgets the result of a message, which the application has taken.
    package mutating func forget(_ number: UInt64) {
        finished.remove(number)
    }

    /// Returns true if the identity's ACK of a message is missing.
    package func misses(_ number: UInt64, from identity: PublicKey) -> Bool {
        index(of: number).map { unacknowledged[$0].missing.contains(identity) } ?? false
    }

    /// Notes an ACK. It has no effect if it repeats another one, or comes after the message has stopped waiting.
    package mutating func note(_ acknowledgment: AdmittedAcknowledgment, now: Instant) {
        guard let index = index(of: acknowledgment.number),
            unacknowledged[index].missing.remove(acknowledgment.receiver) != nil
        else { return }
        finishIfComplete(index, now)
    }

    /// Notes that a message was sealed for a receiver for the first time.
    ///
    /// - Parameter session: The session of this peer in which the message to this receiver was signed. It is the former
    ///   session if the receiver's directory still lists that one.
    package mutating func noteSealed(_ number: UInt64, for identity: PublicKey, from session: UInt64) {
        guard let index = index(of: number), unacknowledged[index].signed.from != session else { return }
        unacknowledged[index].unrepeatable.insert(identity)
    }

    /// Removes a receiver for which the message cannot be sealed.
    package mutating func drop(_ identity: PublicKey, from number: UInt64, now: Instant) {
        guard let index = index(of: number), unacknowledged[index].missing.remove(identity) != nil else { return }
        unacknowledged[index].excluded.insert(identity)
        finishIfComplete(index, now)
    }

    /// Ends the wait of the messages whose time for it is over, and stores their results.
    package mutating func expire(now: Instant) {
        for index in unacknowledged.indices.reversed() where unacknowledged[index].until <= now { finish(index, now) }
    }

    /// Returns the messages that are to be repeated now, with the receivers whose ACK is missing, and schedules their
    /// next repeats.
    ///
    /// - Parameter session: The session in which this peer may send messages. If it is nil, nothing is returned, and
    ///   the repeats are postponed.
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
        // A receiver is in an array and in a set.
        bodySize + receivers * 3 * Bytes32.count
    }

    private func index(of number: UInt64) -> Int? {
        unacknowledged.firstIndex { $0.message.number == number }
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
