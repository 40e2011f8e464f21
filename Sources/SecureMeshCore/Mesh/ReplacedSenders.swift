/// The sessions of other members that were replaced by newer sessions of the same members in the last 5 s. Messages of
/// a replaced session are still accepted (PROTOCOL.md, section 7.1).
///
/// A *stranger* is a session from which this peer had decrypted no datagram when the session was replaced. The first
/// message of a stranger may still be on its way, so the stranger's directory entry is kept.
struct ReplacedSenders: Sendable {
    private struct Stranger: Sendable {
        let shared: SharedEntry
        let until: Instant
    }

    /// All replaced sessions, sorted by `until`.
    private var ends: [(session: SessionID, until: Instant, isStranger: Bool)] = []
    private var strangers: [SessionID: Stranger] = [:]
    /// The number of strangers in `ends`. Some of them may have pairs by now.
    private(set) var strangerCount = 0

    var count: Int { ends.count }

    /// The instant at which `expire` is to be called next; nil if no session was replaced in the last 5 s.
    var deadline: Instant? { ends.first?.until }

    /// Notes that the session was replaced at `now`.
    ///
    /// - Returns: The instant until which its messages are accepted.
    mutating func insert(_ session: SessionID, now: Instant) -> Instant {
        insert(session, isStranger: false, now: now)
    }

    /// Notes that the session of a stranger was replaced at `now`. Does nothing if there is no room.
    mutating func insert(stranger shared: SharedEntry, now: Instant) {
        guard strangerCount < Limits.replacedStrangers else { return }
        let session = shared.entry.session
        strangers[session] = Stranger(shared: shared, until: insert(session, isStranger: true, now: now))
        strangerCount += 1
    }

    private mutating func insert(_ session: SessionID, isStranger: Bool, now: Instant) -> Instant {
        let until = now + ProtocolConstants.pairLingering
        ends.append((session, until, isStranger))
        return until
    }

    /// Returns the entry of a stranger, and the instant until which the stranger's messages are accepted. Returns nil
    /// if the session is not a stranger's, or if that instant has passed.
    func stranger(_ session: SessionID, now: Instant) -> (entry: Entry, until: Instant)? {
        guard let stranger = strangers[session], now < stranger.until else { return nil }
        return (stranger.shared.entry, stranger.until)
    }

    /// Removes the entry of a stranger: there is a pair with its session now, its binding is invalid, or the server has
    /// listed the session again and removed it.
    mutating func removeStranger(_ session: SessionID) {
        strangers[session] = nil
    }

    /// Removes the sessions whose messages are not accepted any more at `now`, and returns them.
    mutating func expire(_ now: Instant) -> [SessionID] {
        // A slice of `ends` would make `removeFirst` copy the array.
        let count = ends.firstIndex { now < $0.until } ?? ends.count
        let over = Array(ends[..<count])
        for end in over {
            if end.isStranger { strangerCount -= 1 }
            // A session that a lying server has listed twice can be replaced twice.
            if let stranger = strangers[end.session], stranger.until <= now { strangers[end.session] = nil }
        }
        ends.removeFirst(count)
        return over.map(\.session)
    }
}
