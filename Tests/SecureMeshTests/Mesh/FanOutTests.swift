import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests the pace at which changes of the directory are published (PROTOCOL.md, section 6.5).
@Suite("Fan-out") struct FanOutTests {
    @Test("a quiet mesh publishes a join in the instant of its CONFIRM") func quiet() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(5)
        mesh.run(for: .seconds(2))
        try mesh.addPeer("late")
        mesh.run(for: .seconds(1))
        let confirm = try #require(mesh.sent(.confirm).last)
        let deltas = mesh.flights.filter { $0.kind == .delta && $0.sentAt >= confirm.sentAt }
        #expect(deltas.count == peers.count)
        #expect(deltas.allSatisfy { $0.sentAt == confirm.sentAt + mesh.latency })
    }

    @Test("a new member gets a PULSE and a SNAPSHOT before the others get the DELTA, and then a second PULSE")
    func order() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(5)
        mesh.run(for: .seconds(2))
        let address = try mesh.addPeer("late").address
        mesh.run(for: .seconds(1))
        let sent = mesh.flights.filter { $0.sender == .server }.sorted { $0.id < $1.id }
        let welcome = try #require(sent.lastIndex { $0.kind == .welcome })
        let answers = sent[(welcome + 1)...].prefix(peers.count + 3)
        #expect(answers.map(\.kind) == [.pulse, .snapshot] + peers.map { _ in .delta } + [.pulse])
        #expect(answers.map { $0.destination == address } == [true, true] + peers.map { _ in false } + [true])
    }

    @Test("joins of many are gathered into full DELTAs that stay within the budget, and all are listed in the end")
    func crowd() throws {
        let count = 120
        let mesh = TestMesh { $0.primitives = InsecureTestCrypto() }
        for index in 0..<count { try mesh.addPeer("peer-\(index)") }
        let start = mesh.now
        var deltas = 0
        while !mesh.hasConverged, mesh.now - start < .seconds(10) {
            mesh.run(for: .milliseconds(100))
            deltas = mesh.sent(.delta).count
            let rate = Limits.fanOutRate(members: count, percent: Limits.mostFanOutPace)
            let elapsed = Int((mesh.now - start) / .milliseconds(1))
            #expect(deltas <= rate.burst + rate.perSecond * elapsed / 1_000)
        }
        #expect(mesh.hasConverged)
        #expect(mesh.now - start < .seconds(4))
        #expect(mesh.peers.allSatisfy { $0.joins == 1 })
        // A DELTA has room for six entries. The limit is twice the smallest possible number of DELTAs, because the
        // first joins are published one by one.
        #expect(mesh.server.glance.version < UInt64(count / 6 * 2))
    }

    @Test("the DELTAs of joins count as load of members, so that joins get less CPU time as the mesh grows")
    func load() throws {
        let mesh = TestMesh { $0.primitives = InsecureTestCrypto() }
        for index in 0..<100 { try mesh.addPeer("peer-\(index)") }
        #expect(mesh.run(atMost: .seconds(10)) { mesh.hasConverged })
        mesh.run(for: .seconds(3))
        let quiet = try share(mesh)
        var most: Int64 = 0
        // 40 joins in 2 s are at least 20 in one of the seconds over which the load is measured.
        for index in 0..<60 {
            if index < 40 { try mesh.addPeer("late-\(index)") }
            mesh.run(for: .milliseconds(50))
            most = max(most, try share(mesh))
        }
        #expect(mesh.hasConverged)
        // Without the DELTAs, the load grows by the heartbeats of the newcomers alone.
        let heartbeats = 40 * 4 * Limits.memberCost / 1_000_000
        let deltas = 20 * 100 * Limits.fanOutCost / 1_000_000
        #expect(most - quiet > max(heartbeats, deltas / 2))
    }

    /// Returns the share of a core that the server's members used in the last complete second, in thousandths.
    private func share(_ mesh: TestMesh) throws -> Int64 {
        var sessions = try #require(mesh.registry).sessions
        return sessions.share(now: mesh.now)
    }
}
