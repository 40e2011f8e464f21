/// When a member is dead: no proof of life within the lifetime, judged at each sweep (PROTOCOL.md, section 6).
///
/// Two guards against calling the living dead: the driver drains the sockets between `sweepIsDue` and `sweep`, and
/// a sweep that ran late (a paused machine) suspends expiry for one lifetime.
package struct FailureDetector: Hashable, Sendable {
    package let lifetime: Duration
    private let interval: Duration
    private var nextSweep: Instant
    private var suspendedUntil: Instant
    private(set) package var isDraining = false

    package init(lifetime: Duration, interval: Duration = ProtocolConstants.sweepInterval, now: Instant) {
        self.lifetime = lifetime
        self.interval = interval
        nextSweep = now + interval
        suspendedUntil = now
    }

    /// Nil while the sockets are being drained.
    package var deadline: Instant? { isDraining ? nil : nextSweep }

    /// True once for each sweep: the sockets are to be drained now.
    package mutating func sweepIsDue(now: Instant) -> Bool {
        guard !isDraining, now >= nextSweep else { return false }
        isDraining = true
        if now - nextSweep > interval { suspendedUntil = now + lifetime }
        return true
    }

    /// Ends the drain; calls `expire` unless expiry is suspended.
    package mutating func sweep(now: Instant, expire: (_ diedBefore: Instant) -> Void) {
        guard isDraining else { return }
        isDraining = false
        nextSweep = now + interval
        if now >= suspendedUntil { expire(now - lifetime) }
    }
}

/// The tokens of recent PULSEs: a heartbeat is life only if it brings one that was issued within the lifetime.
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

    package func isFresh(_ token: UInt64, own: Issued, now: Instant, lifetime: Duration) -> Bool {
        func isFresh(_ issued: Issued) -> Bool { issued.token == token && now - issued.at <= lifetime }
        return isFresh(own) || recent.contains(where: isFresh)
    }
}
