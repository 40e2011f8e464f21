internal import SecureMeshCore

/// The costs and times of joins and deaths in a mesh with `members` members, for `p2p simulate --scaling`.
package struct Scaling: Sendable {
    package let members: Int
    /// The mean time from the start of a new peer until that peer may send messages.
    package private(set) var join = Duration.zero
    /// The mean time from the start of a new peer until the last member knows of that peer.
    package private(set) var joinKnown = Duration.zero
    /// The mean time from the death of a member until the last other member knows of the death.
    package private(set) var deathKnown = Duration.zero
    /// The mean traffic that a join causes. PULSEs and HEARTBEATs do not count.
    package private(set) var joinCost = Recording.Traffic()
    /// The mean traffic that a death causes. PULSEs and HEARTBEATs do not count.
    package private(set) var deathCost = Recording.Traffic()
    /// All traffic within `quiet`, a period without joins and deaths.
    package private(set) var idle = Recording.Traffic()
    /// The number of datagrams in the whole run.
    package private(set) var datagrams = 0

    package static let quiet = Duration.seconds(20)
    /// The number of joins, and of deaths, over which times and costs are averaged.
    package static let samples = 5
    /// The greatest number of complete peers. All other members are lightweight members.
    package static let watchers = 100
    /// The time within which all peers must have joined, or all peers must know of a change.
    private static let patience = Duration.seconds(3_600)

    /// Lets all members join, and waits for a while. Then lets one more peer join and die, several times.
    ///
    /// - Parameter tell: Called with the number of members, every 10 ms of virtual time while the mesh settles.
    /// - Returns: The measurements; nil if not all peers joined in time, or not all peers knew of a change in time.
    package static func play(_ members: Int, seed: UInt64, tell: (Int) -> Void) -> Scaling? {
        var random = RandomSource.seeded(seed)
        let real = min(members, watchers)
        let test = LoadTest(
            seed: random.next(), members: members - real, peers: real, spare: samples,
            arrivals: .milliseconds(2 * members))
        /// Lets time pass until `isDone` returns true. Returns false if that takes longer than `patience`.
        func wait(until isDone: () -> Bool) -> Bool {
            let end = test.now + patience
            while test.now < end, !isDone() { test.play(for: .milliseconds(10)) }
            return isDone()
        }
        func isSettled(at count: Int) -> Bool {
            tell(test.memberCount)
            return test.memberCount == count && test.isPublished
                && test.peers.allSatisfy { !$0.isRunning || $0.version == test.version }
        }
        var scaling = Scaling(members: members)
        guard wait(until: { isSettled(at: members) }) else { return nil }
        test.play(for: .seconds(5))
        let before = test.traffic
        test.play(for: quiet)
        scaling.idle = test.traffic - before
        for _ in 0..<samples {
            test.play(for: .seconds(1) + random.duration(in: .zero...(.seconds(1))))
            let beforeJoin = test.changes
            guard let newcomer = test.join(),
                wait(until: { isSettled(at: members + 1) && newcomer.joinedAt != nil })
            else { return nil }
            scaling.join += (newcomer.joinedAt ?? test.now) - newcomer.startedAt
            scaling.joinKnown += test.lastHeld(but: newcomer) - newcomer.startedAt
            scaling.joinCost = scaling.joinCost + (test.changes - beforeJoin)
            test.play(for: .seconds(1) + random.duration(in: .zero...(.seconds(1))))
            let (death, beforeDeath) = (test.now, test.changes)
            newcomer.process.isRunning = false
            guard wait(until: { isSettled(at: members) }) else { return nil }
            scaling.deathKnown += test.lastHeld(but: newcomer) - death
            scaling.deathCost = scaling.deathCost + (test.changes - beforeDeath)
        }
        scaling.takeMeans()
        scaling.datagrams = test.traffic.datagrams
        return scaling
    }

    private mutating func takeMeans() {
        join /= Self.samples
        joinKnown /= Self.samples
        deathKnown /= Self.samples
        joinCost = joinCost.divided(by: Self.samples)
        deathCost = deathCost.divided(by: Self.samples)
    }
}

extension LoadTest {
    fileprivate var traffic: Recording.Traffic { sum(of: Kind.allCases) }
    fileprivate var changes: Recording.Traffic { sum(of: Kind.allCases.filter { $0 != .pulse && $0 != .heartbeat }) }

    private func sum(of kinds: [Kind]) -> Recording.Traffic { kinds.reduce(Recording.Traffic()) { $0 + sent($1) } }

    /// Returns the latest time at which a running peer other than `peer` received its present version of the directory;
    /// `now` if no such peer has received one.
    fileprivate func lastHeld(but peer: VirtualPeer) -> Instant {
        peers.filter { $0 !== peer && $0.isRunning }.compactMap(\.heldAt).max() ?? now
    }
}

extension Recording.Traffic {
    fileprivate static func + (left: Self, right: Self) -> Self {
        Self(datagrams: left.datagrams + right.datagrams, bytes: left.bytes + right.bytes)
    }

    fileprivate static func - (left: Self, right: Self) -> Self {
        Self(datagrams: left.datagrams - right.datagrams, bytes: left.bytes - right.bytes)
    }

    fileprivate func divided(by count: Int) -> Self {
        Self(datagrams: datagrams / count, bytes: bytes / count)
    }
}
