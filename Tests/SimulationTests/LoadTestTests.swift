import MeshSimulator
import SecureMeshCore
import Testing

/// A server of a thousand, and what it does for those who ask for too much.
@Suite struct LoadTestTests {
    private static let members = 1_000

    @Test func `a newcomer to a mesh of a thousand has its directory within three seconds`() throws {
        let crowd = LoadTest(seed: 1, crowd: Self.members, peers: 0, spare: 1, arrivals: .seconds(1))
        #expect(crowd.play(atMost: .seconds(30)) { crowd.memberCount == Self.members })
        crowd.play(for: .seconds(2))
        let newcomer = try #require(crowd.join())
        #expect(crowd.play(atMost: .seconds(3)) { newcomer.joinedAt != nil })
        #expect(newcomer.version == crowd.version)
    }

    /// A crowd none of which was being sent a snapshot of old, when it was small.
    private func grown(seed: UInt64) -> LoadTest {
        let crowd = LoadTest(
            seed: seed, crowd: Self.members, peers: 0, spare: Limits.frozenSnapshots, arrivals: .seconds(1))
        #expect(crowd.play(atMost: .seconds(30)) { crowd.memberCount == Self.members })
        for _ in 0..<Limits.frozenSnapshots {
            crowd.play(for: .milliseconds(2_500))
            crowd.join()
        }
        crowd.play(for: .milliseconds(2_500))
        return crowd
    }

    @Test func `a member that says for ever that it holds nothing is sent a quarter of it each repair, and no more`() {
        let crowd = grown(seed: 2)
        let before = crowd.sent(.snapshot).datagrams
        crowd.askForEverything(first: 1)
        crowd.play(for: .seconds(10))
        let parts = crowd.sent(.snapshot).datagrams - before
        // A heartbeat each half of a second, and six entries a part.
        let quarter = Self.members / 6 / Limits.snapshotHeartbeats + 1
        #expect(parts <= 21 * quarter)
        #expect(parts > 10 * quarter)
        #expect(crowd.memberCount == Self.members + Limits.frozenSnapshots)
    }

    @Test func `a thousand that say so share one bucket, and nobody is lost over it`() {
        let crowd = grown(seed: 3)
        let (before, heartbeats) = (crowd.sent(.snapshot).datagrams, crowd.sent(.heartbeat).datagrams)
        crowd.askForEverything(first: Self.members)
        crowd.play(for: .seconds(2))
        let parts = crowd.sent(.snapshot).datagrams - before
        let repairs = crowd.sent(.heartbeat).datagrams - heartbeats
        // Without the bucket it would be some 160,000.
        let shared = Limits.snapshotRate.burst + 2 * Limits.snapshotRate.perSecond
        #expect(parts <= repairs * Limits.snapshotPartsPerHeartbeat + shared)
        #expect(parts > shared)
        #expect(crowd.memberCount == Self.members + Limits.frozenSnapshots)
    }

    @Test func `the table of sizes has a row whose figures are those of the protocol`() throws {
        let scaling = try #require(Scaling.play(12, seed: 4) { _ in })
        // A join: HELLO, WELCOME, CONFIRM, two parts for the newcomer, and a DELTA for each of the others.
        #expect((15...19).contains(scaling.joinCost.datagrams))
        #expect((12...14).contains(scaling.deathCost.datagrams))
        // 960 PULSEs and HEARTBEATs in 20 s.
        #expect((910...1_010).contains(scaling.idle.datagrams))
        #expect(scaling.join < .milliseconds(200))
        #expect(scaling.joinKnown < .milliseconds(100))
        #expect((Duration.seconds(1)...(.seconds(4))).contains(scaling.deathKnown))
    }
}
