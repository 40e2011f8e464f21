import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests the events that report why messages or datagrams stop, in cases that no other event reports.
@Suite("Reported ends") struct EndReportTests {
    private let mesh = TestMesh()

    private func hasStalled(_ event: PeerEvent) -> Bool {
        if case .directoryStalled = event { true } else { false }
    }

    @Test("a peer whose directory is lost, because large datagrams are dropped, says so, and so does the server")
    func largeDatagramsDropped() throws {
        _ = try mesh.join(10)
        mesh.rules.append { $0.bytes.count > 600 ? .drop : nil }
        let peer = try mesh.addPeer("far")
        mesh.run(for: .seconds(4))
        #expect(peer.count(hasStalled) == 0)
        mesh.run(for: .seconds(10))
        #expect(peer.joins == 0)
        #expect(peer.count(hasStalled) == 1)
        let reported = mesh.serverEvents.filter {
            if case .directoryStalled(let member, let duration) = $0.event {
                member.publicKey == peer.publicKey && duration >= Limits.directoryPatience
            } else {
                false
            }
        }
        #expect(reported.count == 1)

        mesh.rules = []
        #expect(mesh.run(atMost: .seconds(3)) { peer.joins == 1 })
        mesh.run(for: .seconds(60))
        #expect(peer.count(hasStalled) == 1)
    }

    @Test("peers of a quiet mesh and of one that grows report no missing directory")
    func healthy() throws {
        let peers = try mesh.join(3)
        for index in 0..<20 {
            try mesh.addPeer("late-\(index)")
            mesh.run(for: .milliseconds(400))
        }
        mesh.run(for: .seconds(20))
        #expect(peers.allSatisfy { $0.count(hasStalled) == 0 })
        #expect(!mesh.serverEvents.contains { if case .directoryStalled = $0.event { true } else { false } })
    }

    @Test("a peer whose server is gone says once that messages stop, a minute later")
    func trustEnds() throws {
        let peers = try mesh.join(2)
        mesh.killServer()
        mesh.run(for: .seconds(58))
        #expect(!peers[0].has(.trustEnded(age: .seconds(60))))
        #expect(peers[0].machine.isTrusted(mesh.now))
        mesh.run(for: .seconds(5))
        #expect(!peers[0].machine.isTrusted(mesh.now))
        mesh.run(for: .seconds(60))
        #expect(peers[0].count { $0 == .trustEnded(age: .seconds(60)) } == 1)
        // `.joined` reports that messages can be sent again, so there is no `.trustRestored`.
        mesh.startServer()
        #expect(mesh.run(atMost: .seconds(20)) { peers[0].joins == 2 })
        #expect(!peers[0].has(.trustRestored))
    }

    @Test("a peer that learns of no change says when messages stop, and when they go on in the same session")
    func trustReturns() throws {
        let peers = try mesh.join(2)
        mesh.rules.append { flight in
            let isHidden = flight.kind == .delta || flight.kind == .snapshot
            return isHidden && flight.destination == peers[0].address ? .drop : nil
        }
        try mesh.addPeer("new")
        mesh.run(for: .seconds(65))
        #expect(peers[0].count { $0 == .trustEnded(age: .seconds(60)) } == 1)
        #expect(peers[0].count { $0 == .connectionLost } == 0)
        #expect(peers[0].count(hasStalled) > 0)
        mesh.rules = []
        #expect(mesh.run(atMost: .seconds(2)) { peers[0].has(.trustRestored) })
        #expect(peers[0].joins == 1 && peers[0].machine.isTrusted(mesh.now))
    }

    @Test("a refusal of the system to send is reported with name and address, once per minute")
    func unreachable() throws {
        let peers = try mesh.join(2)
        let other = peers[1]
        func refuse(_ address: SocketAddress, _ refusal: SendRefusal) {
            mesh.with(peers[0]) { $0.handleRefusedSend(to: address, refusal, now: mesh.now) }
            mesh.withServer { $0.handleRefusedSend(to: address, refusal, now: mesh.now) }
        }
        for _ in 0..<100 { refuse(other.address, .noRoute) }
        refuse(TestMesh.server, .forbidden)
        mesh.run(for: .milliseconds(1))
        let member = try #require(peers[0].machine.members.first)
        #expect(peers[0].count { $0 == .unreachable(member, at: other.address, .noRoute) } == 1)
        #expect(peers[0].count { $0 == .unreachable(nil, at: TestMesh.server, .forbidden) } == 1)
        // A server reports only the addresses of members. Any stranger can forge a source address and make the server
        // answer to that address.
        let reported = mesh.serverEvents.filter { if case .unreachable = $0.event { true } else { false } }
        #expect(reported.map(\.event) == [.unreachable(member, .noRoute)])
        mesh.run(for: .seconds(61))
        refuse(other.address, .noRoute)
        mesh.run(for: .milliseconds(1))
        #expect(peers[0].count { $0 == .unreachable(member, at: other.address, .noRoute) } == 2)
    }

    @Test("refusals at many addresses are remembered within a bound")
    func bounded() {
        var report = UnreachableReport()
        func address(_ index: UInt32) -> SocketAddress { SocketAddress(ip: .v4(0x0A00_0000 + index), port: 1) }
        let news = (0..<1_000).count { report.isNews(address($0), now: .start) }
        #expect(news == Limits.unreachableAddresses)
        let isNewsLater = report.isNews(address(2_000), now: .after(Limits.reportInterval))
        #expect(isNewsLater)
    }
}
