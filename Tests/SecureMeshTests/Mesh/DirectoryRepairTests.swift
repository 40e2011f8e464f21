import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests how peers repair their directories after a loss (PROTOCOL.md, section 6.5).
@Suite("Directory repair") struct DirectoryRepairTests {
    private let mesh = TestMesh()

    @Test("a missed DELTA is resent after a heartbeat, within two intervals") func missedDelta() throws {
        let peers = try mesh.join(3)
        mesh.run(for: .milliseconds(210))
        mesh.drop(.delta, count: 1) { $0.destination == peers[0].address }
        try mesh.addPeer("late")
        #expect(mesh.run(atMost: ProtocolConstants.heartbeatInterval * 2 + mesh.latency * 6) { mesh.hasConverged })
    }

    @Test("a DELTA beyond the version held waits until the missing one is sent again") func gap() throws {
        let peers = try mesh.join(3)
        mesh.drop(.delta, count: 1) { $0.destination == peers[0].address }
        try mesh.addPeer("first")
        mesh.run(for: .milliseconds(100))
        try mesh.addPeer("second")
        mesh.run(for: .milliseconds(100))
        #expect(peers[0].machine.rejections[.deltaNotApplicable] == 0)
        #expect(peers[0].machine.version < mesh.registry?.version ?? 0)
        #expect(mesh.run(atMost: .seconds(1)) { mesh.hasConverged })
    }

    @Test("a SNAPSHOT of several parts is completed though every third part is lost") func lossySnapshot() throws {
        _ = try mesh.join(40)
        mesh.run(for: .seconds(2))
        var parts = 0
        mesh.rules.append { flight in
            guard flight.kind == .snapshot else { return nil }
            parts += 1
            return parts % 3 == 0 ? .drop : nil
        }
        try mesh.addPeer("newcomer")
        #expect(mesh.run(atMost: .seconds(4)) { mesh.hasConverged })
        #expect(parts > 8)
    }

    @Test("a SNAPSHOT that never arrives is sent at most once per 250 ms") func pace() throws {
        _ = try mesh.join(40)
        mesh.run(for: .seconds(2))
        let newcomer = try mesh.addPeer("newcomer")
        let start = mesh.flights.count
        mesh.drop(.snapshot) { $0.destination == newcomer.address }
        mesh.run(for: .seconds(4))
        let parts = mesh.flights[start...].filter { $0.kind == .snapshot && $0.destination == newcomer.address }
        let bursts = Dictionary(grouping: parts, by: \.sentAt)
        let instants = bursts.keys.sorted()
        #expect(bursts.values.allSatisfy { $0.count == 7 })
        #expect(instants.count > 4)
        // The first burst is the answer to the CONFIRM, so it may come earlier.
        let repeated = instants.dropFirst()
        #expect(zip(repeated, repeated.dropFirst()).allSatisfy { $1 - $0 >= .milliseconds(250) })
    }

    /// Returns a mesh of 120 peers. If one more peer joins, a SNAPSHOT of the directory has 21 parts.
    private func large() throws -> TestMesh {
        let mesh = TestMesh { $0.primitives = InsecureTestCrypto() }
        for index in 0..<120 { try mesh.addPeer("peer-\(index)") }
        mesh.run(for: .seconds(3))
        #expect(mesh.hasConverged)
        return mesh
    }

    @Test("a newcomer receives a directory of two bursts within three round trips") func bursts() throws {
        let mesh = try large()
        let start = mesh.now
        let newcomer = try mesh.addPeer("newcomer")
        let flights = mesh.flights.count
        // Three round trips are needed: for HELLO, CONFIRM and one request, each with its answer.
        #expect(mesh.run(atMost: mesh.latency * 6 + .milliseconds(1)) { newcomer.joins == 1 })
        #expect(mesh.now - start <= mesh.latency * 6 + .milliseconds(1))
        let parts = mesh.flights[flights...].filter { $0.kind == .snapshot && $0.destination == newcomer.address }
        #expect(parts.count == 21)
        let sizes = Dictionary(grouping: parts, by: \.sentAt).sorted { $0.key < $1.key }.map(\.value.count)
        #expect(sizes == [16, 5])
    }

    @Test("a lost part is asked for again after about two round trips, whichever part it is") func lostPart() throws {
        let full = try large()
        for number in [0, 5, 15, 18, 20] {
            let mesh = TestMesh(copying: full)
            let newcomer = try mesh.addPeer("newcomer")
            var parts = 0
            mesh.rules.append { flight in
                guard flight.kind == .snapshot, flight.destination == newcomer.address else { return nil }
                parts += 1
                return parts == number + 1 ? .drop : nil
            }
            // The limit allows six latencies for the handshake and two bursts, four for the wait, two for the lost
            // part, and two to spare.
            let limit = mesh.latency * 14 + .milliseconds(20)
            #expect(mesh.run(atMost: limit) { newcomer.joins == 1 }, "part \(number)")
            #expect(parts <= 21 + (number == 0 ? Limits.firstBurst : Limits.resentParts), "part \(number)")
        }
    }

    @Test("a repeated SNAPSHOT changes nothing") func snapshotAgain() throws {
        let peers = try mesh.join(3)
        try mesh.broadcast("before", from: peers[0])
        mesh.run(for: .milliseconds(50))
        let version = peers[1].machine.version
        let events = peers[1].events.count
        for flight in mesh.sent(.snapshot, to: peers[1].address) {
            mesh.inject(flight.bytes, from: TestMesh.server, to: peers[1].address)
        }
        mesh.run(for: .milliseconds(50))
        #expect(peers[1].machine.version == version)
        #expect(peers[1].events.count == events)
        #expect(peers[1].machine.rejections[.counterReplayed] > 0)
        // The counters of the pair continue. So each peer accepts the other's next message, and does not take it for a
        // replay.
        try mesh.broadcast("after", from: peers[0])
        mesh.run(for: .milliseconds(50))
        #expect(peers[1].messages.map { String(decoding: $0.body, as: UTF8.self) } == ["before", "after"])
    }

    @Test("the same seed makes the same world, datagram by datagram") func replay() throws {
        let worlds = try (0..<2).map { _ in
            let mesh = TestMesh(seed: 5)
            let peers = try mesh.join(6)
            mesh.drop(.pulse, count: 20)
            mesh.restart(peers[2])
            mesh.run(for: .seconds(3))
            return mesh.flights.map(\.bytes)
        }
        #expect(worlds[0].count > 100)
        #expect(worlds[0] == worlds[1])
    }

    @Test(
        "under loss, repetition and reordering no version goes back, and all directories are equal in the end",
        arguments: [UInt64(11), 12, 13])
    func chaos(seed: UInt64) throws {
        _ = try LossyMesh(seed: seed).run(for: .seconds(40))
    }
}
