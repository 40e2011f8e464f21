import SecureMesh
import SelfTest
import Testing

/// Tests malformed datagrams that a server and its peers receive in a running mesh.
@Suite("Malformed datagrams")
struct MalformedDatagramTests {
    private static let stranger = SocketAddress(ip: .v4(0x0A02_0001), port: 5_000)

    /// A running mesh, with the state that a stranger's datagrams must not change.
    private struct HostileMesh {
        let mesh = TestMesh()
        let peers: [TestPeer]
        private let members: [Member]

        init(_ count: Int = 2) throws {
            peers = try mesh.join(count)
            mesh.run(for: .seconds(1))
            members = mesh.members
        }

        /// Sends `bytes` to the server, and to every peer. The datagrams to the peers come from the server's address.
        func send(_ bytes: [UInt8]) {
            mesh.inject(bytes, from: MalformedDatagramTests.stranger)
            for peer in peers { mesh.inject(bytes, from: TestMesh.server, to: peer.address) }
            mesh.run(for: .zero)
        }

        var refused: UInt64 {
            (mesh.registry?.rejections.total ?? 0) + peers.reduce(0) { $0 + $1.machine.rejections.total }
        }

        /// Expects that the mesh has the same members with the same sessions, that no peer has lost its connection, and
        /// that a message arrives.
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

    @Test("an empty datagram is refused")
    func empty() throws {
        let hostile = try HostileMesh()
        hostile.send([])
        #expect(hostile.mesh.registry?.rejections[.truncatedHeader] == 1)
        #expect(hostile.refused == 3)
        try hostile.expectUnharmed()
    }

    @Test("one to three bytes, and a header without the rest, are refused")
    func short() throws {
        let hostile = try HostileMesh()
        for size in 1...3 { hostile.send([UInt8](repeating: 1, count: size)) }
        #expect(hostile.mesh.registry?.rejections[.truncatedHeader] == 3)
        for kind in Kind.allCases {
            let header = Array(try Sample.of(kind).bytes.prefix(Header.size))
            hostile.send(header)
            hostile.send(header.withLength)
        }
        #expect(hostile.mesh.registry?.rejections[.lengthMismatch] == 14)
        #expect(hostile.mesh.registry?.rejections[.sizeOutOfRange] == 14)
        #expect(hostile.refused == 3 * 31)
        try hostile.expectUnharmed()
    }

    @Test("a truncated HELLO registers nobody and gets no answer")
    func cutShort() throws {
        let mesh = TestMesh()
        let hand = try ScriptedMember("hand", at: Self.stranger, in: mesh)
        let hello = hand.hello()
        for size in 0..<hello.count { hand.inject(Array(hello.prefix(size))) }
        #expect(mesh.flights.isEmpty && mesh.members.isEmpty)
        #expect(mesh.registry?.rejections.total == UInt64(hello.count))
    }

    @Test("a HELLO from port 0 gets no answer, and the next joiner gets one")
    func portZero() throws {
        let mesh = TestMesh()
        let hand = try ScriptedMember("hand", at: Self.stranger, in: mesh)
        hand.inject(hand.hello(), from: SocketAddress(ip: .v4(0x0A02_0001), port: 0))
        #expect(mesh.flights.isEmpty)
        #expect(mesh.registry?.rejections[.sourceNotAllowed] == 1)
        try hand.join()
        #expect(mesh.members.count == 1)
    }

    @Test("a name whose length exceeds its field is refused")
    func endlessName() throws {
        let mesh = TestMesh()
        let hand = try ScriptedMember("hand", at: Self.stranger, in: mesh)
        // The field for the name has 33 bytes. The first byte is the length, so the longest valid length is 32.
        for length: UInt8 in [33, 255] {
            let name = [length] + [UInt8](repeating: 0x41, count: 32)
            hand.inject(try hand.forgedHello { $0.replacing(at: 32, with: name) })
        }
        #expect(mesh.registry?.rejections[.invalidName] == 2)
        #expect(mesh.flights.isEmpty && mesh.members.isEmpty)
    }

    @Test(
        "names of newline, ESC, 0xFF and 0 are refused though correctly signed",
        arguments: [UInt8(0x0A), 0x1B, 0xFF, 0])
    func printedRaw(_ byte: UInt8) throws {
        let mesh = TestMesh()
        let hand = try ScriptedMember("hand", at: Self.stranger, in: mesh)
        hand.inject(try hand.forgedHello { $0.replacing(at: 32, with: [1, byte]) })
        #expect(mesh.registry?.rejections[.invalidName] == 1)
        #expect(mesh.flights.isEmpty && mesh.serverEvents.isEmpty)
        // A peer refuses a bad name even if it comes from its own server.
        let member = try ServedPeer().join()
        try member.delta(adding: [.sample(7, name: "x")]) { $0.replacing(at: $0.count - 1, with: [byte]) }
        #expect(member.rejections[.invalidName] == 1)
        #expect(member.client.machine.members.isEmpty)
    }

    @Test("a truncated datagram is not completed with bytes of the one before it")
    func staleBody() throws {
        let hostile = try HostileMesh()
        try hostile.mesh.broadcast("once", from: hostile.peers[0])
        hostile.mesh.run(for: hostile.mesh.latency)
        let message = try #require(hostile.mesh.sent(.message).last)
        let version = hostile.mesh.registry?.version
        for flight in [message] + hostile.mesh.sent(.hello) + hostile.mesh.sent(.confirm) + hostile.mesh.sent(.delta) {
            for size in [1, 2, 4, Header.size, flight.bytes.count - 1] {
                let rest = Array(flight.bytes.prefix(size))
                hostile.mesh.inject(rest, from: flight.source, to: flight.destination)
            }
        }
        hostile.mesh.run(for: .zero)
        #expect(hostile.peers[1].messages.count == 1)
        #expect(hostile.mesh.registry?.version == version)
        try hostile.expectUnharmed()
    }

    @Test("a directory message with a false count is refused, even if the server signed it")
    func lyingCount() throws {
        let member = try ServedPeer().join()
        // The SNAPSHOT has one entry. The DELTA removes no member and adds one member.
        for lie in UInt8.min...UInt8.max where lie != 1 {
            try member.snapshot { $0.replacing(at: 12, with: [lie]) }
            try member.delta(adding: [.sample(7)]) { $0.replacing(at: 17, with: [lie]) }
        }
        for lie in UInt8(1)...UInt8.max { try member.delta(adding: [.sample(7)]) { $0.replacing(at: 16, with: [lie]) } }
        #expect(member.rejections.total == 3 * 255)
        #expect(member.client.machine.version == 2)
        #expect(member.client.machine.members.isEmpty)
    }

    @Test("a directory message with repeated names, a port 0 or 300 entries is refused as a whole")
    func falseDirectory() throws {
        let member = try ServedPeer().join()
        try member.delta(adding: [.sample(7), .sample(8, name: "n7")])
        #expect(member.rejections[.directoryContradiction] == 1)
        try member.delta(adding: [.sample(7)]) { $0.replacing(at: $0.count - 5, with: [0, 0]) }
        #expect(member.rejections[.invalidAddress] == 1)
        var entries: [UInt8] = []
        for session in UInt64(1)...300 { try Entry.sample(session).append(to: &entries) }
        try member.snapshot { $0 + entries }
        #expect(member.rejections[.sizeOutOfRange] == 1)
        #expect(member.client.machine.version == 2)
        #expect(member.client.machine.members.isEmpty)
        try member.delta(adding: [.sample(7)])
        #expect(member.client.machine.members.count == 1)
    }

    @Test(
        "a message with a false length is refused; the true one is delivered with its own bytes"
    )
    func lyingLength() throws {
        let hostile = try HostileMesh()
        hostile.mesh.rules = [{ $0.kind == .message ? .drop : nil }]
        try hostile.mesh.broadcast("hello", from: hostile.peers[0])
        hostile.mesh.rules = []
        let message = try #require(hostile.mesh.sent(.message).last)
        for length in [0, 1, message.bytes.count - 1, message.bytes.count + 1, 1_232, 65_507, 65_535] {
            let field = [UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)]
            let lie = message.bytes.replacing(at: 2, with: field)
            hostile.mesh.inject(lie, from: message.source, to: message.destination)
        }
        hostile.mesh.run(for: .zero)
        #expect(hostile.peers[1].machine.rejections[.lengthMismatch] == 7)
        #expect(hostile.peers[1].messages.isEmpty)
        hostile.mesh.inject(message.bytes, from: message.source, to: message.destination)
        hostile.mesh.run(for: .zero)
        #expect(hostile.peers[1].messages.map(\.body) == [Array("hello".utf8)])
        try hostile.expectUnharmed()
    }

    @Test("64 kB of noise are refused")
    func noise() throws {
        let hostile = try HostileMesh()
        for seed in Seeds.few {
            var random = RandomPayloads(seed: seed)
            let noise = random.bytes(65_507)
            hostile.send(noise)
            // These datagrams have a valid header before the same noise. They are as large as a MESSAGE may be.
            for kind in Kind.allCases {
                let header = Array(try Sample.of(kind).bytes.prefix(Header.size))
                hostile.send((header + noise.dropFirst(Header.size)).withLength)
            }
        }
        #expect(hostile.refused == UInt64(Seeds.few.count * 15 * 3))
        try hostile.expectUnharmed()
    }

    @Test("random bytes of length 0 to 1,500 are refused", arguments: Seeds.few)
    func randomBytes(_ seed: UInt64) throws {
        let hostile = try HostileMesh()
        var random = RandomPayloads(seed: seed)
        let count = 1_000
        for _ in 0..<count { hostile.send(random.bytes(Int(random.below(1_501)))) }
        #expect(hostile.refused == UInt64(count * 3), "seed \(seed)")
        try hostile.expectUnharmed()
    }

    @Test("a valid kind followed by random bytes is refused", arguments: Seeds.few)
    func randomBodies(_ seed: UInt64) throws {
        let hostile = try HostileMesh()
        var random = RandomPayloads(seed: seed)
        var answered = 0
        for index in 0..<600 {
            let kind = Kind.allCases[index % Kind.allCases.count]
            let room = kind.isFixedSize ? 0 : UInt64(ProtocolConstants.maximumDatagram - kind.minimumSize)
            let size = kind.minimumSize + Int(random.below(room + 1))
            // The first datagram has a valid header of its kind. In the second datagram, every byte after the length
            // field is random.
            var bytes = Array(try Sample.of(kind).bytes.prefix(Header.size)) + random.bytes(size - Header.size)
            if kind == .hello || kind == .welcome { bytes[kind == .hello ? 75 : 59] &= 0x3F }
            let sent = hostile.mesh.flights.count
            hostile.send(bytes.withLength)
            hostile.send(([1, kind.rawValue] + random.bytes(size - 2)).withLength)
            answered += hostile.mesh.flights.count - sent
        }
        #expect(answered == 0)
        #expect(hostile.refused == 600 * 2 * 3, "seed \(seed)")
        try hostile.expectUnharmed()
    }
}
