/// The tokens of recent PULSEs. A heartbeat proves life only if it brings one that was issued within the lifetime.
package struct PulseTokens: Hashable, Sendable {
    package struct Issued: Hashable, Sendable {
        let token: UInt64
        let at: Instant

        package init(token: UInt64, at: Instant) {
            self.token = token
            self.at = at
        }
    }

    private var recent: [Issued] = []

    package init() {}

    package var usage: Usage { Usage("issued tokens", recent.count, limit: Limits.issuedTokens) }

    package mutating func issue(_ token: UInt64, now: Instant, lifetime: Duration) {
        recent.removeAll { now - $0.at > lifetime }
        if recent.count == Limits.issuedTokens { recent.removeFirst() }
        recent.append(Issued(token: token, at: now))
    }

    /// Returns true if `token` was issued to all members within `lifetime`, or is the member's `own` and that recent.
    package func isFresh(_ token: UInt64, own: Issued, now: Instant, lifetime: Duration) -> Bool {
        func isFresh(_ issued: Issued) -> Bool { issued.token == token && now - issued.at <= lifetime }
        return isFresh(own) || recent.contains(where: isFresh)
    }
}
