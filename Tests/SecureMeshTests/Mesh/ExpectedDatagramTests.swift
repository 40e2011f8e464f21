import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests which datagrams a driver gives to the registry before the datagrams of strangers. Also tests that a server
/// refuses the kinds that nobody sends to a server.
@Suite("Expected datagrams") struct ExpectedDatagramTests {
    private let mesh = TestMesh()

    private func isExpected(_ bytes: [UInt8], from address: SocketAddress = .place) throws -> Bool {
        try #require(mesh.registry).isExpected(bytes.span, path: Path(remote: address))
    }

    @Test("a datagram that claims to be a member's is expected from that member's address only") func members() throws {
        let hand = try ScriptedMember("hand", in: mesh)
        try hand.join()
        let heartbeat = try hand.heartbeat()
        #expect(try isExpected(heartbeat))
        #expect(try isExpected(hand.leave(number: 9)))
        #expect(try !isExpected(heartbeat, from: .elsewhere))
        #expect(try !isExpected(Array(heartbeat.prefix(27))))
        #expect(try !isExpected([]))
        let damaged = heartbeat.replacing(at: 2, with: [0, 0])
        #expect(try !isExpected(damaged))
        let noSession = heartbeat.replacing(at: 12, with: [UInt8](repeating: 0, count: 8))
        #expect(try !isExpected(noSession))
        let unknown = heartbeat.replacing(at: 12, with: [UInt8](bigEndian: 1))
        #expect(try !isExpected(unknown))
    }

    @Test("a CONFIRM is expected from the address of its pending handshake only, a HELLO never") func joiners() throws {
        let hand = try ScriptedMember("hand", in: mesh)
        try hand.beWelcomed()
        let confirm = try hand.confirm()
        let early = try hand.leave(number: 9)
        #expect(try isExpected(confirm))
        #expect(try !isExpected(confirm, from: .elsewhere))
        #expect(try !isExpected(hand.hello()))
        // A LEAVE before the CONFIRM has no priority. A kind that nobody sends to a server has no priority either.
        #expect(try !isExpected(early))
        #expect(try !isExpected(early.replacing(at: 1, with: [Kind.delta.rawValue])))
    }

    @Test(
        "a kind that no server is sent is misdirected",
        arguments: [Kind.retry, .welcome, .reject, .pulse, .snapshot, .delta, .goodbye, .message])
    func misdirected(_ kind: Kind) throws {
        mesh.inject(try Sample.of(kind).bytes, from: .place)
        mesh.run(for: .zero)
        let rejections = try #require(mesh.registry).rejections
        #expect(rejections[.misdirected] == 1 && rejections.total == 1)
    }
}
