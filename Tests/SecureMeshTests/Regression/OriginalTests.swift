import SecureMesh
import SelfTest
import Testing

/// What p2plocal, the program that SecureMesh replaces, did not survive: its datagrams in this protocol's terms, at the
/// doors of the server and of the peers.
@Suite("What broke the original")
struct OriginalTests {
    private static let stranger = SocketAddress(ip: .v4(0x0A02_0001), port: 5_000)

    /// A mesh at work, and what must not change while strangers send.
    private struct HostileMesh {
        let mesh = TestMesh()
        let peers: [TestPeer]
        private let members: [Member]

        init(_ count: Int = 2) throws {
            peers = try mesh.join(count)
            mesh.run(for: .seconds(1))
            members = mesh.members
        }

        /// To the server, and to every peer as if from the server.
        func send(_ bytes: [UInt8]) {
            mesh.inject(bytes, from: OriginalTests.stranger)
            for peer in peers { mesh.inject(bytes, from: TestMesh.server, to: peer.address) }
            mesh.run(for: .zero)
        }

        var refused: UInt64 {
            (mesh.registry?.rejections.total ?? 0) + peers.reduce(0) { $0 + $1.machine.rejections.total }
        }

        /// The same members with the same sessions, everyone in touch, and a message arrives.
        func expectUnharmed(sourceLocation: SourceLocation = #_sourceLocation) throws {
            #expect(mesh.members == members, sourceLocation: sourceLocation)
            #expect(mesh.hasConverged, sourceLocation: sourceLocation)
            for peer in peers {
                #expect(peer.joins == 1 && peer.departures.isEmpty, sourceLocation: sourceLocation)
                #expect(!peer.has(.connectionLost), sourceLocation: sourceLocation)
                #expect(mesh.departures(of: peer).isEmpty, sourceLocation: sourceLocation)
            }
            let before = peers[1].messages.count
            try mesh.broadcast("unharmed", from: peers[0])
            mesh.run(for: mesh.latency)
            #expect(peers[1].messages.count == before + 1, sourceLocation: sourceLocation)
        }
    }

    @Test("an empty datagram, which hung the original's server for good, is refused")
    func empty() throws {
        let meadow = try HostileMesh()
        meadow.send([])
        #expect(meadow.mesh.registry?.rejections[.truncatedHeader] == 1)
        #expect(meadow.refused == 3)
        try meadow.expectUnharmed()
    }

    @Test("one to three bytes and a header alone, behind which it read on, are refused")
    func short() throws {
        let meadow = try HostileMesh()
        for size in 1...3 { meadow.send([UInt8](repeating: 1, count: size)) }
        #expect(meadow.mesh.registry?.rejections[.truncatedHeader] == 3)
        for kind in Kind.allCases {
            let header = Array(try Sample.of(kind).bytes.prefix(Header.size))
            meadow.send(header)
            meadow.send(header.withLength)
        }
        #expect(meadow.mesh.registry?.rejections[.lengthMismatch] == 12)
        #expect(meadow.mesh.registry?.rejections[.sizeOutOfRange] == 12)
        #expect(meadow.refused == 3 * 27)
        try meadow.expectUnharmed()
    }

    @Test("a birth cut short: a HELLO that ends anywhere registers nobody and gets no answer")
    func cutShort() throws {
        let mesh = TestMesh()
        let hand = try HandPeer("hand", at: Self.stranger, in: mesh)
        let hello = try hand.hello()
        for size in 0..<hello.count { hand.inject(Array(hello.prefix(size))) }
        #expect(mesh.flights.isEmpty && mesh.members.isEmpty)
        #expect(mesh.registry?.rejections.total == UInt64(hello.count))
    }

    @Test("a birth from port 0, which aborted its server, gets no answer; the next joiner gets one")
    func portZero() throws {
        let mesh = TestMesh()
        let hand = try HandPeer("hand", at: Self.stranger, in: mesh)
        hand.inject(try hand.hello(), from: SocketAddress(ip: .v4(0x0A02_0001), port: 0))
        #expect(mesh.flights.isEmpty)
        #expect(mesh.registry?.rejections[.sourceNotAllowed] == 1)
        try hand.join()
        #expect(mesh.members.count == 1)
    }

    @Test("a name without an end, which put its stack into the log, is refused")
    func endlessName() throws {
        let mesh = TestMesh()
        let hand = try HandPeer("hand", at: Self.stranger, in: mesh)
        // 33, then 255 characters announced; all 33 bytes used.
        for length: UInt8 in [33, 255] {
            let name = [length] + [UInt8](repeating: 0x41, count: 32)
            hand.inject(try hand.forgedHello { $0.replacing(at: 32, with: name) })
        }
        #expect(mesh.registry?.rejections[.invalidName] == 2)
        #expect(mesh.flights.isEmpty && mesh.members.isEmpty)
    }

    @Test(
        "names of newline, ESC, 0xFF and 0, which it printed as they came, are refused though well signed",
        arguments: [UInt8(0x0A), 0x1B, 0xFF, 0])
    func printedRaw(_ byte: UInt8) throws {
        let mesh = TestMesh()
        let hand = try HandPeer("hand", at: Self.stranger, in: mesh)
        hand.inject(try hand.forgedHello { $0.replacing(at: 32, with: [1, byte]) })
        #expect(mesh.registry?.rejections[.invalidName] == 1)
        #expect(mesh.flights.isEmpty && mesh.serverEvents.isEmpty)
        // Nor does a peer take one from its own server.
        let member = try MemberDoor().join()
        try member.delta(adding: [.sample(7, name: "x")]) { $0.replacing(at: $0.count - 1, with: [byte]) }
        #expect(member.door.rejections[.invalidName] == 1)
        #expect(member.door.client.machine.members.isEmpty)
    }

    @Test("a short datagram, which made it act on the body of the one before, is one by itself")
    func staleBody() throws {
        let meadow = try HostileMesh()
        try meadow.mesh.broadcast("once", from: meadow.peers[0])
        meadow.mesh.run(for: meadow.mesh.latency)
        let message = try #require(meadow.mesh.sent(.message).last)
        let version = meadow.mesh.registry?.version
        for flight in [message] + meadow.mesh.sent(.hello) + meadow.mesh.sent(.confirm) + meadow.mesh.sent(.delta) {
            for size in [1, 2, 4, Header.size, flight.bytes.count - 1] {
                let rest = Array(flight.bytes.prefix(size))
                meadow.mesh.inject(rest, from: flight.source, to: flight.destination)
            }
        }
        meadow.mesh.run(for: .zero)
        #expect(meadow.peers[1].messages.count == 1)
        #expect(meadow.mesh.registry?.version == version)
        try meadow.expectUnharmed()
    }

    @Test("a directory with a count that lies, which aborted its peers, is refused, even the server's own")
    func lyingCount() throws {
        let member = try MemberDoor().join()
        // The one entry of a SNAPSHOT; then what a DELTA removes, which is none, and what it adds, which is one.
        for lie in UInt8.min...UInt8.max where lie != 1 {
            try member.snapshot { $0.replacing(at: 12, with: [lie]) }
            try member.delta(adding: [.sample(7)]) { $0.replacing(at: 17, with: [lie]) }
        }
        for lie in UInt8(1)...UInt8.max { try member.delta(adding: [.sample(7)]) { $0.replacing(at: 16, with: [lie]) } }
        #expect(member.door.rejections.total == 3 * 255)
        #expect(member.door.client.machine.version == 2)
        #expect(member.door.client.machine.members.isEmpty)
    }

    @Test("a directory with repeated names, a port 0 or 300 entries, which aborted them later, is refused whole")
    func falseDirectory() throws {
        let member = try MemberDoor().join()
        try member.delta(adding: [.sample(7), .sample(8, name: "n7")])
        #expect(member.door.rejections[.directoryContradiction] == 1)
        try member.delta(adding: [.sample(7)]) { $0.replacing(at: $0.count - 5, with: [0, 0]) }
        #expect(member.door.rejections[.invalidAddress] == 1)
        var entries: [UInt8] = []
        for session in UInt64(1)...300 { try Entry.sample(session).append(to: &entries) }
        try member.snapshot { $0 + entries }
        #expect(member.door.rejections[.sizeOutOfRange] == 1)
        #expect(member.door.client.machine.version == 2)
        #expect(member.door.client.machine.members.isEmpty)
        try member.delta(adding: [.sample(7)])
        #expect(member.door.client.machine.members.count == 1)
    }

    @Test(
        "a message with a length that lies, which printed 65 kB of its own heap, is refused; a true one has its own bytes"
    )
    func lyingLength() throws {
        let meadow = try HostileMesh()
        meadow.mesh.rules = [{ $0.kind == .message ? .drop : nil }]
        try meadow.mesh.broadcast("hello", from: meadow.peers[0])
        meadow.mesh.rules = []
        let message = try #require(meadow.mesh.sent(.message).last)
        for length in [0, 1, message.bytes.count - 1, message.bytes.count + 1, 1_232, 65_507, 65_535] {
            let field = [UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)]
            let lie = message.bytes.replacing(at: 2, with: field)
            meadow.mesh.inject(lie, from: message.source, to: message.destination)
        }
        meadow.mesh.run(for: .zero)
        #expect(meadow.peers[1].machine.rejections[.lengthMismatch] == 7)
        #expect(meadow.peers[1].messages.isEmpty)
        meadow.mesh.inject(message.bytes, from: message.source, to: message.destination)
        meadow.mesh.run(for: .zero)
        #expect(meadow.peers[1].messages.map(\.body) == [Array("hello".utf8)])
        try meadow.expectUnharmed()
    }

    @Test("64 kB of noise are refused")
    func noise() throws {
        let meadow = try HostileMesh()
        for seed in Seeds.few {
            var random = RandomPayloads(seed: seed)
            let noise = random.bytes(65_507)
            meadow.send(noise)
            // As large as a message may be, and from a member's session by its header.
            for kind in Kind.allCases {
                let header = Array(try Sample.of(kind).bytes.prefix(Header.size))
                meadow.send((header + noise.dropFirst(Header.size)).withLength)
            }
        }
        #expect(meadow.refused == UInt64(Seeds.few.count * 13 * 3))
        try meadow.expectUnharmed()
    }

    @Test("random bytes of length 0 to 1,500, of which 680 killed its server, are refused", arguments: Seeds.few)
    func randomBytes(_ seed: UInt64) throws {
        let meadow = try HostileMesh()
        var random = RandomPayloads(seed: seed)
        let count = 1_000
        for _ in 0..<count { meadow.send(random.bytes(Int(random.below(1_501)))) }
        #expect(meadow.refused == UInt64(count * 3), "seed \(seed)")
        try meadow.expectUnharmed()
    }

    @Test("a valid kind and random bytes, of which three killed a peer, are refused", arguments: Seeds.few)
    func randomBodies(_ seed: UInt64) throws {
        let meadow = try HostileMesh()
        var random = RandomPayloads(seed: seed)
        var answered = 0
        for index in 0..<600 {
            let kind = Kind.allCases[index % Kind.allCases.count]
            let room = kind.isFixedSize ? 0 : UInt64(ProtocolConstants.maximumDatagram - kind.minimumSize)
            let size = kind.minimumSize + Int(random.below(room + 1))
            // A right header of that kind, then one that is random behind the kind.
            var bytes = Array(try Sample.of(kind).bytes.prefix(Header.size)) + random.bytes(size - Header.size)
            if kind == .hello || kind == .welcome { bytes[kind == .hello ? 75 : 59] &= 0x3F }
            let sent = meadow.mesh.flights.count
            meadow.send(bytes.withLength)
            meadow.send(([1, kind.rawValue] + random.bytes(size - 2)).withLength)
            answered += meadow.mesh.flights.count - sent
        }
        #expect(answered == 0)
        #expect(meadow.refused == 600 * 2 * 3, "seed \(seed)")
        try meadow.expectUnharmed()
    }
}
