import MeshSimulator
import SecureMeshCore
import Testing

/// Tests a server with a thousand members. Some of the members ask for too much.
@Suite struct LoadTestTests {
    private static let members = 1_000

    @Test func `a newcomer to a mesh of a thousand may speak within 150 ms`() throws {
        let test = LoadTest(seed: 1, members: Self.members, peers: 0, spare: 1, arrivals: .seconds(1))
        #expect(test.play(atMost: .seconds(30)) { test.memberCount == Self.members })
        #expect(test.play(atMost: .seconds(60)) { test.isPublished })
        test.play(for: .seconds(2))
        let newcomer = try #require(test.join())
        #expect(test.play(atMost: .milliseconds(150)) { newcomer.joinedAt != nil })
        #expect(newcomer.version == test.version)
    }

    /// Returns a mesh that all members have joined. The server has already dropped the snapshots of its smaller
    /// directories.
    private func grown(seed: UInt64) -> LoadTest {
        let test = LoadTest(
            seed: seed, members: Self.members, peers: 0, spare: Limits.frozenSnapshots, arrivals: .seconds(1))
        #expect(test.play(atMost: .seconds(30)) { test.memberCount == Self.members })
        for _ in 0..<Limits.frozenSnapshots {
            test.play(for: .milliseconds(2_500))
            test.join()
        }
        test.play(for: .milliseconds(2_500))
        return test
    }

    @Test func `a member that always claims to hold nothing is sent the first burst per repair, and no more`() {
        let test = grown(seed: 2)
        let before = test.sent(.snapshot).datagrams
        test.askForEverything(first: 1)
        test.play(for: .seconds(10))
        let parts = test.sent(.snapshot).datagrams - before
        // The member sends two heartbeats per second. The server may answer each with one burst.
        #expect(parts <= 21 * Limits.firstBurst)
        #expect(parts > 10 * Limits.firstBurst)
        #expect(test.memberCount == Self.members + Limits.frozenSnapshots)
    }

    @Test func `a thousand that claim to have more each time share one bucket, and all stay members`() {
        let test = grown(seed: 3)
        let (before, heartbeats) = (test.sent(.snapshot).datagrams, test.sent(.heartbeat).datagrams)
        test.askForEverything(first: Self.members, step: 48)
        test.play(for: .seconds(2))
        let parts = test.sent(.snapshot).datagrams - before
        let repairs = test.sent(.heartbeat).datagrams - heartbeats
        // Without the bucket that all members share, the server would send more than 100,000 parts.
        let shared = Limits.repairRate.burst + 2 * Limits.repairRate.perSecond
        #expect(parts <= repairs * Limits.leastRepair + shared)
        #expect(parts > shared / 2)
        #expect(test.memberCount == Self.members + Limits.frozenSnapshots)
    }

    @Test func `the server handles datagrams between the slices of a PULSE to a thousand`() {
        let test = LoadTest(seed: 6, members: Self.members, peers: 0, arrivals: .seconds(1))
        #expect(test.play(atMost: .seconds(30)) { test.memberCount == Self.members })
        test.play(for: .seconds(2))
        test.largestBurst = 0
        test.play(for: .seconds(2))
        #expect(test.largestBurst >= Limits.slice)
        #expect(test.largestBurst < Limits.slice * 3 / 2)
        #expect(test.memberCount == Self.members)
    }

    /// A number of members to which the server spreads each PULSE.
    private static let membersOfSpreadPulse = Limits.slice * Limits.pulseSlicesWithoutPause + 100

    /// Returns a mesh that has been at rest for three seconds. One more member can join it.
    private func settledMesh(seed: UInt64, members: Int) -> LoadTest {
        let test = LoadTest(seed: seed, members: members, peers: 0, spare: 1, arrivals: .seconds(1))
        #expect(test.play(atMost: .seconds(60)) { test.isPublished && test.memberCount == members })
        test.play(for: .seconds(3))
        return test
    }

    @Test func `a PULSE to more than 1,024 members is spread, and a change overtakes it`() throws {
        let members = Self.membersOfSpreadPulse
        let test = LoadTest(seed: 8, members: members, peers: 0, spare: 1, arrivals: .seconds(1))
        #expect(test.play(atMost: .seconds(30)) { test.memberCount == members })
        #expect(test.play(atMost: .seconds(60)) { test.isPublished })
        test.play(for: .seconds(2))
        #expect(test.play(atMost: .seconds(1)) { test.server.machine.isSpreadingPulse })
        let begun = test.now
        var slices = 1
        while test.server.machine.isSpreadingPulse {
            let before = test.sent(.pulse).datagrams
            test.play(for: .milliseconds(1))
            let sent = test.sent(.pulse).datagrams - before
            #expect(sent < Limits.slice * 3 / 2)
            if sent >= 100 { slices += 1 }
        }
        #expect(slices == Limits.pulseSlicesWithoutPause + 1)
        let interval = ProtocolConstants.heartbeatInterval
        #expect(test.now - begun > interval * 5 / 8 && test.now - begun <= interval * 3 / 4)

        #expect(test.play(atMost: .seconds(1)) { test.server.machine.isSpreadingPulse })
        let nextBegun = test.now
        let (version, deltas) = (test.version, test.sent(.delta).datagrams)
        let newcomer = try #require(test.join())
        #expect(test.play(atMost: interval / 8) { test.version > version })
        #expect(test.play(atMost: .milliseconds(5)) { test.sent(.delta).datagrams == deltas + members })
        #expect(test.server.machine.isSpreadingPulse)
        #expect(test.play(atMost: .milliseconds(150)) { newcomer.joinedAt != nil })
        #expect(test.play(atMost: interval) { !test.server.machine.isSpreadingPulse })
        #expect(test.now - nextBegun > interval * 5 / 8 && test.now - nextBegun <= interval * 3 / 4)
    }

    @Test func `more than 1,024 members do not all send their heartbeats at the same time`() {
        let members = Self.membersOfSpreadPulse
        let test = settledMesh(seed: 9, members: members)
        var most = 0
        for _ in 0..<40 {
            let before = test.sent(.heartbeat).datagrams
            test.play(for: ProtocolConstants.heartbeatInterval / 10)
            most = max(most, test.sent(.heartbeat).datagrams - before)
        }
        // On average, a tenth of the members send a heartbeat within a tenth of the interval.
        #expect(most * 10 < members * 2)
    }

    @Test func `a change among more than 1,024 members makes no member send heartbeats faster`() throws {
        let members = Self.membersOfSpreadPulse
        let test = settledMesh(seed: 10, members: members)
        #expect(test.play(atMost: .seconds(1)) { test.server.machine.isSpreadingPulse })
        let before = test.sent(.heartbeat).datagrams
        _ = try #require(test.join())
        test.play(for: ProtocolConstants.heartbeatInterval * 4)
        #expect(test.memberCount == members + 1)
        let sent = test.sent(.heartbeat).datagrams - before
        #expect(sent * 100 <= members * 4 * 102, "\(sent) heartbeats")
    }

    @Test func `a server that stops sends GOODBYE to a thousand members in slices, and handles nothing else`() {
        let test = LoadTest(seed: 7, members: Self.members, peers: 0, arrivals: .seconds(1))
        #expect(test.play(atMost: .seconds(30)) { test.memberCount == Self.members })
        test.play(for: .seconds(2))
        test.largestBurst = 0
        let others = [Kind.pulse, .delta, .snapshot, .welcome].map { test.sent($0).datagrams }
        test.withServer { $0.stop(now: $1) }
        #expect(!test.server.machine.hasStopped)
        #expect(test.play(atMost: .milliseconds(1)) { test.server.machine.hasStopped })
        #expect(test.sent(.goodbye).datagrams == Self.members)
        #expect(test.largestBurst == Limits.slice)
        test.play(for: .seconds(2))
        #expect(test.server.machine.nextDeadline == nil)
        #expect([Kind.pulse, .delta, .snapshot, .welcome].map { test.sent($0).datagrams } == others)
    }

    @Test func `while the limit of members wait for their listing, joiners are turned away`() throws {
        let test = LoadTest(seed: 5, members: 2_500, peers: 0, arrivals: .zero)
        #expect(test.play(atMost: .seconds(5)) { test.sent(.reject).datagrams > 100 })
        let waiting = try #require(test.server.machine.usages.first { $0.name == "waiting additions" })
        #expect(waiting.count > Limits.unlistedMembers / 2)
        #expect(waiting.count <= Limits.unlistedMembers * 2)
    }

    @Test func `a row of the table of sizes has the figures of the protocol`() throws {
        let scaling = try #require(Scaling.play(12, seed: 4) { _ in })
        // A join costs a HELLO, a WELCOME and a CONFIRM, two parts to the new member, and one DELTA to each other
        // member.
        #expect((15...19).contains(scaling.joinCost.datagrams))
        #expect((12...14).contains(scaling.deathCost.datagrams))
        // In 20 s, 960 PULSEs and HEARTBEATs are sent.
        #expect((910...1_010).contains(scaling.idle.datagrams))
        #expect(scaling.join < .milliseconds(200))
        #expect(scaling.joinKnown < .milliseconds(100))
        #expect((Duration.seconds(1)...(.seconds(4))).contains(scaling.deathKnown))
    }
}
