import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// The attempts of a peer to join, without a network. The test chooses the answers.
final class JoiningPeer {
    var joining: Joining
    var random = RandomSource.seeded(1)

    init(
        servers: [PublicKey] = [Fixture.serverKey.publicKey], addresses: [SocketAddress] = [Fixture.address(1)]
    ) throws {
        let name = try Fixture.name("a")
        joining = Joining(
            Peer.Configuration(key: Fixture.peerKey, name: name, servers: servers, addresses: addresses))
        joining.start(at: .start)
    }

    func poll(_ now: Instant) -> [Transmit] { joining.poll(now: now, random: &random) }

    /// Returns the newest HELLO that is due at `now`.
    func hello(at now: Instant = .start) throws -> [UInt8] { try #require(poll(now).last).bytes }

    func handle(_ answer: [UInt8], now: Instant = .start) throws(Rejection) -> JoinAction {
        try joining.handle(answer, now: now, random: &random)
    }

    /// Handles a RETRY. Returns the HELLO that the peer then sends; nil if the peer waits.
    func follow(_ retry: [UInt8], now: Instant = .start) throws -> Transmit? {
        switch try handle(retry, now: now) {
        case .sendHello(let hello): return hello
        case .wait: return nil
        case .confirm, .retry, .excluded: throw FixtureError(text: "the answer is no RETRY")
        }
    }

    func expectRefusal(
        _ expected: Rejection, of answer: [UInt8], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(throws: expected, sourceLocation: sourceLocation) { try handle(answer) }
    }

    // MARK: the server

    /// Returns a scripted server that has received `hello`.
    private static func server(_ hello: [UInt8]) throws -> ScriptedServer {
        try ScriptedServer(
            key: Fixture.serverKey, context: Fixture.context, hello: hello, from: Fixture.address(1),
            session: Fixture.session(7), epoch: Fixture.epoch, ephemeral: Fixture.secret(11))
    }

    static func retry(_ hello: [UInt8], cookie: Bytes16) throws -> [UInt8] {
        try server(hello).retry(cookie: cookie, rotation: 1).bytes
    }

    static func reject(_ hello: [UInt8], _ reason: Reject.Reason) throws -> [UInt8] {
        try server(hello).reject(Reject(reason: reason, retrySeconds: 3), salt: Fixture.digest(7)).bytes
    }
}
