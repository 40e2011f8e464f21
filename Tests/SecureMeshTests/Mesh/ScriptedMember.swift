import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// A scripted peer with its own address in a `TestMesh`. It sends only the datagrams that the test asks for.
final class ScriptedMember {
    let mesh: TestMesh
    let address: SocketAddress
    var peer: ScriptedPeer
    /// The number of datagrams in the mesh's list of flights that `listen` has already read.
    private var heard = 0

    init(_ name: String, key: SigningKey? = nil, at address: SocketAddress = .place, in mesh: TestMesh) throws {
        self.mesh = mesh
        self.address = address
        peer = ScriptedPeer(
            key: key ?? mesh.makeKey(), name: try PeerName(name),
            context: SigningContext(mesh: mesh.serverKey.publicKey))
    }

    var key: SigningKey { peer.key }

    func inject(_ bytes: [UInt8], from source: SocketAddress? = nil) {
        mesh.inject(bytes, from: source ?? address)
        mesh.run(for: .zero)
    }

    /// Returns the newest datagram of the given kind among those sent to this member's address.
    func received(_ kind: Kind) throws -> [UInt8] {
        try #require(mesh.flights.last { $0.destination == address && $0.kind == kind }).bytes
    }

    /// Gives `peer` the datagrams that were sent to this member's address since the last call.
    private func listen() {
        for flight in mesh.flights[heard...] where flight.destination == address { peer.hear(flight.bytes) }
        heard = mesh.flights.count
    }

    // MARK: joining

    func hello(cookie: Bytes16 = .zero) -> [UInt8] {
        peer.hello(from: address, ephemeral: mesh.random.secret(), cookie: cookie)
    }

    /// Returns a HELLO that differs from an honest one. `change` alters the payload before signing. The ephemeral key
    /// and the signer can be replaced.
    func forgedHello(
        ephemeral: AgreementPublicKey? = nil, by signer: SigningKey? = nil, _ change: ([UInt8]) -> [UInt8] = { $0 }
    ) throws -> [UInt8] {
        _ = hello()
        var hello = try #require(peer.attempt?.hello).signed(by: signer)
        hello.payload = change(hello.payload)
        if let ephemeral { hello.fields = .hello(cookie: .zero, ephemeral: ephemeral) }
        return hello.bytes
    }

    func confirm() throws -> [UInt8] { try #require(peer.confirm).bytes }

    /// Sends HELLO and opens WELCOME. Does not send CONFIRM.
    func beWelcomed() throws {
        inject(hello())
        try peer.open(welcome: received(.welcome))
    }

    func join() throws {
        try beWelcomed()
        inject(try confirm())
    }

    func askForReject() throws -> Reject {
        inject(hello())
        return try peer.open(reject: received(.reject))
    }

    /// Exhausts the server's budget for HELLOs without a cookie, so that the server answers with RETRY.
    ///
    /// - Returns: The cookie for this member's address.
    func cookie() throws -> Bytes16 {
        mesh.exhaustBudget()
        mesh.run(for: mesh.latency)
        inject(hello())
        return try VerifiedRetry(received(.retry), in: peer.context).cookie
    }

    /// Sends `count` HELLOs from this member's address. They are well-formed, but their seal does not open.
    func flood(_ count: Int, cookie: Bytes16) {
        for _ in 0..<count {
            mesh.inject(mesh.garbageHello().replacing(at: Header.size, with: cookie.array), from: address)
        }
        mesh.run(for: .zero)
    }

    // MARK: being a member

    func heartbeat(part: UInt16 = 0, counter: UInt64? = nil, by signer: SigningKey? = nil) throws -> [UInt8] {
        listen()
        let next = peer.heartbeat(version: 0, part: part)
        var heartbeat = try #require(next).signed(by: signer)
        heartbeat.counter = counter ?? heartbeat.counter
        return heartbeat.bytes
    }

    func leave(number: UInt64) throws -> [UInt8] {
        peer.counter += 1
        return try #require(peer.draft(.leave, Leave(number: number))).bytes
    }

    /// Returns the newest directory entry of `other` that this member has received.
    func entry(of other: TestPeer) throws -> Entry {
        listen()
        return try #require(peer.known.last { $0.identity == other.publicKey })
    }

    func message(
        _ text: String, to other: TestPeer, audience: PublicKey?, number: UInt64, by signer: SigningKey? = nil
    ) throws -> [UInt8] {
        let body = PeerMessage(audience: audience, number: number, body: Array(text.utf8))
        let message = try peer.message(body, to: entry(of: other), counter: number)
        return try #require(message).signed(by: signer).bytes
    }
}

extension SocketAddress {
    /// The usual address of a scripted member.
    static let place = SocketAddress(ip: .v4(0x0A02_0001), port: 5_000)
    /// The address of a second scripted member, or one at which no member is.
    static let elsewhere = SocketAddress(ip: .v4(0x0A02_0002), port: 5_000)
}

extension TestMesh {
    /// Lets a scripted member join, and waits until all peers list it.
    func joinScripted() throws -> ScriptedMember {
        let hand = try ScriptedMember("hand", in: self)
        try hand.join()
        run(for: .milliseconds(600))
        return hand
    }
}
