import SecureMesh
import SelfTest
import Testing

/// Tests the attempts of a peer to join a server that has several addresses (PROTOCOL.md, section 5.7).
@Suite("Several addresses of a server") struct ServerAddressesTests {
    private static let addresses = (1...3).map { Fixture.address($0) }

    /// Polls the peer at each of its deadlines until `end`. Returns the HELLOs that it sends, each with its time.
    private static func run(_ peer: JoiningPeer, until end: Instant) -> [(at: Instant, hello: Transmit)] {
        var sent: [(at: Instant, hello: Transmit)] = []
        while let deadline = peer.joining.deadline, deadline <= end {
            sent += peer.poll(deadline).map { (deadline, $0) }
        }
        return sent
    }

    @Test("the addresses are asked 0.25 s apart, each with a HELLO of its own, which is repeated there")
    func staggered() throws {
        let peer = try JoiningPeer(addresses: Self.addresses)
        let sent = Self.run(peer, until: .after(.milliseconds(1_700)))
        for (index, address) in Self.addresses.enumerated() {
            let own = sent.filter { $0.hello.path.remote == address }
            let start = Duration.milliseconds(250) * index
            let gaps: [Duration] = [.zero, .milliseconds(250), .milliseconds(750)]
            #expect(own.map(\.at) == gaps.map { .after(start + $0) })
            #expect(Set(own.map(\.hello.bytes)).count == 1)
        }
        #expect(Set(sent.map(\.hello.bytes)).count == 3)
        // An attempt sends one HELLO to each address. The second attempt begins 1.75 s after the HELLO to the last
        // address.
        #expect(peer.joining.deadline == .after(.milliseconds(2_250)))
        let second = Self.run(peer, until: .after(.milliseconds(2_800)))
        #expect(second.map(\.hello.path.remote) == Self.addresses)
        #expect(second.map(\.at) == [2_250, 2_500, 2_750].map { .after(.milliseconds($0)) })
        for usage in peer.joining.usages { #expect(usage.count <= usage.limit, "\(usage)") }
    }

    @Test("two attempts per address are outstanding, and an answer to each is accepted")
    func outstanding() throws {
        let peer = try JoiningPeer(addresses: Self.addresses)
        let sent = Self.run(peer, until: .after(.milliseconds(2_800)))
        for hello in Set(sent.map(\.hello)) {
            let attempt = try peer.joining.attempt(tagged: Handshake.tag(of: hello.bytes))
            #expect(attempt.address == hello.path.remote)
        }
    }

    @Test("new addresses are asked at once while nothing has answered, and not during a pause")
    func moved() throws {
        let peer = try JoiningPeer(addresses: [Self.addresses[0]])
        _ = Self.run(peer, until: .after(.seconds(20)))
        let now = Instant.after(.seconds(20))
        peer.joining.setAddresses([Self.addresses[0]], now: now)
        #expect(try #require(peer.joining.deadline) > now)
        peer.joining.setAddresses([Self.addresses[1]], now: now)
        #expect(peer.joining.deadline == now)
        #expect(peer.poll(now).map(\.path.remote) == [Self.addresses[1]])
        #expect(peer.joining.deadline == now + .milliseconds(250))

        peer.joining.pause(until: now + .seconds(60))
        peer.joining.setAddresses([Self.addresses[2]], now: now)
        #expect(peer.joining.deadline == now + .seconds(60))
    }

    @Test("a peer without an address waits, and asks as soon as it has one")
    func unknown() throws {
        let peer = try JoiningPeer(addresses: [])
        #expect(peer.joining.deadline == nil && peer.joining.isActive)
        #expect(peer.poll(.after(.seconds(9))).isEmpty)
        peer.joining.setAddresses(Self.addresses, now: .after(.seconds(9)))
        #expect(peer.poll(.after(.seconds(9))).map(\.path.remote) == [Self.addresses[0]])
    }

    @Test("a RETRY at one address is followed there, with a cookie that no other address gets")
    func cookies() throws {
        let peer = try JoiningPeer(addresses: Array(Self.addresses.prefix(2)))
        let hello = try peer.hello()
        let cookie = peer.random.bytes16()
        let proven = try #require(try peer.follow(JoiningPeer.retry(hello, cookie: cookie)))
        #expect(proven.path.remote == Self.addresses[0])
        let sent = Self.run(peer, until: .after(.milliseconds(2_300))).filter { $0.hello != proven }
        #expect(sent.map(\.hello.path.remote) == Array(Self.addresses.prefix(2)))
        let carried = try sent.map { try Datagram(decoding: $0.hello.bytes.span).header.cookie }
        #expect(carried == [cookie, .zero])
    }

    @Test("no more than eight addresses are asked")
    func many() throws {
        let peer = try JoiningPeer(addresses: (1...20).map { Fixture.address($0) })
        let sent = Self.run(peer, until: .after(.seconds(3)))
        #expect(Set(sent.map(\.hello.path.remote)).count == Limits.serverAddresses)
    }

    @Test("a member's datagrams leave from the address that the server and the directory know")
    func source() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(2)
        let own = peers[0].address.ip
        mesh.with(peers[0]) { peer in
            for _ in 0..<3 where peer.nextDeadline.map({ $0 <= mesh.now + .seconds(1) }) == true {
                peer.handleTimeout(now: mesh.now + .seconds(1))
            }
            _ = try? peer.broadcast([1], limit: PeerMessage.ordinaryBody, now: mesh.now)
            var sent: [Transmit] = []
            while let output = peer.pollOutput() {
                if case .transmit(let transmit) = output { sent.append(transmit) }
            }
            #expect(Set(sent.map(\.path.remote)) == [TestMesh.server, peers[1].address])
            #expect(sent.allSatisfy { $0.path.local == own })
        }
        // If the server reports an address of the other family, the peer lets the system choose the local address.
        let six = SocketAddress(ip: .v6(0x2001_0DB8 << 32, 1), port: 1)
        #expect(Path(from: peers[0].address, to: six).local == nil)
        #expect(Path(from: nil, to: six).local == nil)
    }
}
