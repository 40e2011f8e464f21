import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests which datagrams a driver gives to the registry before the datagrams of strangers. Also tests that a server
/// refuses the kinds that nobody sends to a server.
@Suite("Expected datagrams") struct ExpectedDatagramTests {
    private let address = SocketAddress(ip: .v4(0x0A02_0001), port: 5_000)
    private let elsewhere = SocketAddress(ip: .v4(0x0A02_0002), port: 5_000)

    private func isExpected(_ bytes: [UInt8], from address: SocketAddress, in mesh: TestMesh) throws -> Bool {
        try #require(mesh.registry).isExpected(bytes.span, path: Path(remote: address))
    }

    @Test("a datagram that claims to be a member's is expected from that member's address only") func members() throws {
        let mesh = TestMesh()
        let hand = try ScriptedMember("hand", at: address, in: mesh)
        try hand.join()
        let heartbeat = try hand.heartbeat()
        #expect(try isExpected(heartbeat, from: address, in: mesh))
        #expect(try isExpected(hand.leave(number: 9), from: address, in: mesh))
        #expect(try !isExpected(heartbeat, from: elsewhere, in: mesh))
        #expect(try !isExpected(Array(heartbeat.prefix(27)), from: address, in: mesh))
        #expect(try !isExpected([], from: address, in: mesh))
        let damaged = heartbeat.replacing(at: 2, with: [0, 0])
        #expect(try !isExpected(damaged, from: address, in: mesh))
        let noSession = heartbeat.replacing(at: 12, with: [UInt8](repeating: 0, count: 8))
        #expect(try !isExpected(noSession, from: address, in: mesh))
        let unknown = heartbeat.replacing(at: 12, with: [UInt8](bigEndian: 1))
        #expect(try !isExpected(unknown, from: address, in: mesh))
    }

    @Test("a CONFIRM is expected from the address of its pending handshake only, a HELLO never") func joiners() throws {
        let mesh = TestMesh()
        let hand = try ScriptedMember("hand", at: address, in: mesh)
        try hand.beWelcomed()
        let confirm = try hand.confirm()
        let early = try hand.leave(number: 9)
        #expect(try isExpected(confirm, from: address, in: mesh))
        #expect(try !isExpected(confirm, from: elsewhere, in: mesh))
        #expect(try !isExpected(hand.hello(), from: address, in: mesh))
        // A LEAVE before the CONFIRM has no priority. A kind that nobody sends to a server has no priority either.
        #expect(try !isExpected(early, from: address, in: mesh))
        #expect(try !isExpected(early.replacing(at: 1, with: [Kind.delta.rawValue]), from: address, in: mesh))
    }

    @Test(
        "a kind that no server is sent is misdirected",
        arguments: [Kind.retry, .welcome, .reject, .pulse, .snapshot, .delta, .goodbye, .message])
    func misdirected(_ kind: Kind) throws {
        let mesh = TestMesh()
        mesh.inject(try Sample.of(kind).bytes, from: address)
        mesh.run(for: .zero)
        let rejections = try #require(mesh.registry).rejections
        #expect(rejections[.misdirected] == 1 && rejections.total == 1)
    }
}
