/// The receiver's side of acknowledgments (PROTOCOL.md, section 7.4): recognizes copies of a message, and holds ACKs
/// until they are due.
///
/// This state outlives the sessions of this peer, so a copy is recognized even if it arrives in a new session. A
/// sender's session is remembered for as long as messages from that session are accepted.
package struct Acknowledger: Sendable {
    /// The result of checking if a message that asks for an ACK is a copy of an earlier message.
    package enum Copy: Hashable, Sendable {
        case first
        case repeated
        /// The message's number is 2,048 or more below the newest number from its session, so it is not known whether
        /// the message is a copy.
        case tooOld
    }

    /// An ACK of message `number` of the sender's session `session`, due at `at`.
    package struct Acknowledgment: Hashable, Sendable {
        package let session: SessionID
        package let number: UInt64
        package let at: Instant

        package init(session: SessionID, number: UInt64, at: Instant) {
            self.session = session
            self.number = number
            self.at = at
        }
    }

    /// The numbers of the delivered messages that asked for an ACK, keyed by the sender's session.
    private var windows: [SessionID: ReplayWindow] = [:]
    /// Senders' sessions that have ended, with the instants at which they are forgotten, earliest first.
    private var ended: [(session: SessionID, until: Instant)] = []
    /// The ACKs that wait until they are due, in the order in which they will be sent.
    private var waiting: [Acknowledgment] = []
    private var bucket = RateLimiter()

    package init() {}

    package var usages: [Usage] {
        [
            Usage("numbered senders", windows.count, limit: Limits.directoryEntries + Limits.removedSessions),
            Usage("delayed acknowledgments", waiting.count, limit: Limits.delayedAcknowledgments),
        ]
    }

    package var deadline: Instant? { .earlier(waiting.first?.at, ended.first?.until) }

    /// Checks if a message that asks for an ACK is a copy of an earlier message. If it is not, marks its number as
    /// delivered.
    ///
    /// - Parameters:
    ///   - number: The number of the message.
    ///   - session: The sender's session.
    ///   - end: The instant from which messages of the session are not accepted any more, and at which the session is
    ///     forgotten; nil if the session has not ended. After a call with an instant, the caller must not call
    ///     `end(_:now:)` for the session.
    package mutating func note(_ number: UInt64, from session: SessionID, until end: Instant? = nil) -> Copy {
        if let end, windows[session] == nil { ended.append((session, end)) }
        guard let refusal = windows[session, default: ReplayWindow()].refusal(of: number) else {
            windows[session, default: ReplayWindow()].accept(number)
            return .first
        }
        return refusal == .counterTooOld ? .tooOld : .repeated
    }

    /// Adds an ACK. If too many ACKs wait, or if the rate limit of ACKs is reached, the ACK is dropped. The sender then
    /// repeats the message.
    package mutating func schedule(_ acknowledgment: Acknowledgment, now: Instant) {
        guard waiting.count < Limits.delayedAcknowledgments, bucket.accept(Limits.acknowledgmentRate, now: now) else {
            return
        }
        let index = waiting.lastIndex { $0.at <= acknowledgment.at }.map { $0 + 1 } ?? 0
        waiting.insert(acknowledgment, at: index)
    }

    /// Removes and returns the ACKs that are due.
    package mutating func due(now: Instant) -> [Acknowledgment] {
        let due = Array(waiting.prefix { $0.at <= now })
        waiting.removeFirst(due.count)
        return due
    }

    /// Notes that a sender's session has ended. Messages of this session are accepted for another 5 s.
    package mutating func end(_ session: SessionID, now: Instant) {
        if windows[session] != nil { ended.append((session, now + ProtocolConstants.pairLingering)) }
    }

    /// Notes the end of each session for which `isListed` returns false.
    ///
    /// - Parameters:
    ///   - isListed: Returns true if the directory still lists the session.
    ///   - now: The instant of the end.
    package mutating func endAll(unless isListed: (SessionID) -> Bool, now: Instant) {
        for session in windows.keys where !isListed(session) { end(session, now: now) }
    }

    /// Forgets the sessions whose messages are not accepted any more.
    package mutating func expire(now: Instant) {
        let over = ended.prefix { $0.until <= now }
        for (session, _) in over { windows[session] = nil }
        ended.removeFirst(over.count)
    }
}
