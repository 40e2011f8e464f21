internal import SecureMeshCore

/// What a mesh of some size costs and how fast it is: what `p2p simulate --scaling` tells.
package struct Scaling: Sendable {
    package let members: Int
    /// From a newcomer's start until it may speak.
    package private(set) var join = Duration.zero
    /// From a newcomer's start until the last member knows of it.
    package private(set) var joinKnown = Duration.zero
    /// From a member's death until the last member knows of it.
    package private(set) var deathKnown = Duration.zero
    /// What each takes besides PULSE and HEARTBEAT, which come anyway.
    package private(set) var joinCost = Recording.Traffic()
    package private(set) var deathCost = Recording.Traffic()
    /// All traffic in `quiet`, in which nothing happens.
    package private(set) var idle = Recording.Traffic()
    /// Over the whole run.
    package private(set) var datagrams = 0

    package static let quiet = Duration.seconds(20)
    /// Times and costs are means of so many joins and deaths.
    package static let samples = 5
    /// So many at most are real peers; the others are the crowd.
    package static let watchers = 100
    /// In which all must have joined, and every change be known.
    private static let patience = Duration.seconds(3_600)

    private init(members: Int) {
        self.members = members
    }

    /// All join, nothing happens for a while, then one more joins and dies, some times. Nil if that does not come to
    /// its end. `tell` is told how many are members, each 10 ms of virtual time.
    package static func play(_ members: Int, seed: UInt64, tell: (Int) -> Void) -> Scaling? {
        var random = RandomSource.seeded(seed)
        let real = min(members, watchers)
        let crowd = LoadTest(
            seed: random.next(), crowd: members - real, peers: real, spare: samples,
            arrivals: .milliseconds(2 * members))
        func isSettled(at count: Int) -> Bool {
            tell(crowd.memberCount)
            return crowd.memberCount == count && crowd.peers.allSatisfy { !$0.isRunning || $0.version == crowd.version }
        }
        var scaling = Scaling(members: members)
        guard crowd.play(atMost: patience, until: { isSettled(at: members) }) else { return nil }
        crowd.play(for: .seconds(5))
        let before = crowd.traffic
        crowd.play(for: quiet)
        scaling.idle = crowd.traffic - before
        for _ in 0..<samples {
            crowd.play(for: .seconds(1) + random.duration(in: .zero...(.seconds(1))))
            let beforeJoin = crowd.changes
            guard let newcomer = crowd.join(),
                crowd.play(atMost: patience, until: { isSettled(at: members + 1) && newcomer.joinedAt != nil })
            else { return nil }
            scaling.join += (newcomer.joinedAt ?? crowd.now) - newcomer.startedAt
            scaling.joinKnown += crowd.lastHeld(but: newcomer) - newcomer.startedAt
            scaling.joinCost = scaling.joinCost + (crowd.changes - beforeJoin)
            crowd.play(for: .seconds(1) + random.duration(in: .zero...(.seconds(1))))
            let (death, beforeDeath) = (crowd.now, crowd.changes)
            crowd.kill(newcomer)
            guard crowd.play(atMost: patience, until: { isSettled(at: members) }) else { return nil }
            scaling.deathKnown += crowd.lastHeld(but: newcomer) - death
            scaling.deathCost = scaling.deathCost + (crowd.changes - beforeDeath)
        }
        scaling.takeMeans()
        scaling.datagrams = crowd.traffic.datagrams
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

    /// When the last of all others came to its version.
    fileprivate func lastHeld(but peer: Watcher) -> Instant {
        peers.filter { $0 !== peer && $0.isRunning }.compactMap(\.heldAt).max() ?? now
    }
}

extension Recording.Traffic {
    fileprivate static func + (left: Self, right: Self) -> Self {
        var sum = left
        sum.datagrams += right.datagrams
        sum.bytes += right.bytes
        return sum
    }

    fileprivate static func - (left: Self, right: Self) -> Self {
        var rest = left
        rest.datagrams -= right.datagrams
        rest.bytes -= right.bytes
        return rest
    }

    fileprivate func divided(by count: Int) -> Self {
        var share = self
        share.datagrams /= count
        share.bytes /= count
        return share
    }
}
