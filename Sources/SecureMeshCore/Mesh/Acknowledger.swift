/// The receiver's side of acknowledgments (PROTOCOL.md, section 7.4): it recognizes copies of a message, and holds ACKs
/// until they are due.
///
/// It outlives this peer's sessions, so it recognizes a copy that arrives in a new session. It remembers a sender's
/// session for as long as messages from that session are accepted.
package struct Acknowledger: Sendable {
    /// The result of comparing a message that asks for an ACK with the messages before it.
    package enum Copy: Hashable, Sendable {
        case first
        case repeated
        /// The number is 2,048 or more below the newest, so it is not known whether the message is a copy.
        case tooOld
    }

    /// An ACK that is to be sent.
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

    /// The numbers that were delivered, by the sender's session.
    private var windows: [SessionID: ReplayWindow] = [:]
    /// Senders' sessions that have ended, with the instants at which they are forgotten, earliest first.
    private var ended: [(session: SessionID, until: Instant)] = []
    /// The acknowledgments that wait, in the order in which they will be sent.
    private var waiting: [Acknowledgment] = []
    private var bucket = RateLimiter()

    package init() {}

    package var usages: [Usage] {
        [
            Usage("numbered senders", windows.count, limit: Limits.directoryEntries + Limits.removedSessions),
            Usage("delayed acknowledgments", waiting.count, limit: Limits.delayedAcknowledgments),
        ]
    }

    package var deadline: Instant? { Instant.earliest([waiting.first?.at, ended.first?.until]) }

    /// Notes a message that asks for an ACK.
    ///
    /// - Parameters:
    ///   - number: The number of the message.
    ///   - session: The sender's session.
    ///   - end: The instant from which messages of the session are not accepted; nil if the session has not ended. The
    ///     session is forgotten then, because `end` is not called again for a session that has ended already.
    package mutating func note(_ number: UInt64, from session: SessionID, until end: Instant? = nil) -> Copy {
        if let end, windows[session] == nil { ended.append((session, end)) }
        guard let refusal = windows[session, default: ReplayWindow()].refusal(of: number) else {
            windows[session, default: ReplayWindow()].accept(number)
            return .first
        }
        return refusal == .counterTooOld ? .tooOld : .repeated
    }

    /// Adds an ACK. It is dropped if there is no room or no token; the sender then repeats the message.
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

    /// Notes the end of a sender's session. Late messages are accepted for some seconds.
    package mutating func end(_ session: SessionID, now: Instant) {
        if windows[session] != nil { ended.append((session, now + ProtocolConstants.pairLingering)) }
    }

    /// Notes the end of all sessions that are no longer listed.
    ///
    /// - Parameters:
    ///   - isListed: Returns true for a session that has not ended.
    ///   - now: The time of the end.
    package mutating func endAll(unless isListed: (SessionID) -> Bool, now: Instant) {
        for session in windows.keys where !isListed(session) { end(session, now: now) }
    }

    /// Forgets the sessions from which messages are not accepted any more.
    package mutating func expire(now: Instant) {
        let over = ended.prefix { $0.until <= now }
        for (session, _) in over { windows[session] = nil }
        ended.removeFirst(over.count)
    }
}
