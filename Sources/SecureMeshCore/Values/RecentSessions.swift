/// The sessions that ended most recently: at most `Limits.removedSessions`. When the set is full, a new session evicts
/// the session that was inserted first.
package struct RecentSessions: Sendable {
    private var members: Set<SessionID> = []
    private var order: [SessionID] = []
    private var oldest = 0

    package init() {}

    package var count: Int { order.count }

    package func contains(_ session: SessionID) -> Bool { members.contains(session) }

    package mutating func insert(_ session: SessionID) {
        guard members.insert(session).inserted else { return }
        guard order.count == Limits.removedSessions else { return order.append(session) }
        members.remove(order[oldest])
        order[oldest] = session
        oldest = (oldest + 1) % Limits.removedSessions
    }
}
