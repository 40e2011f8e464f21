import SecureMesh
import SelfTest
import Testing

/// A peer with real keys that follows no rules: each datagram is made when the test calls for it.
final class HandPeer {
    let key: SigningKey
    let name: PeerName
    var address: SocketAddress
    let mesh: TestMesh
    let context: SigningContext
    private(set) var joining: Joining?
    private(set) var attempt: JoinAttempt?
    private(set) var opened: OpenedWelcome?
    var counter: UInt64 = 0
    var number: UInt64 = 0

    init(_ name: String, key: SigningKey? = nil, at address: SocketAddress, in mesh: TestMesh) throws {
        self.name = try PeerName(name)
        self.key = key ?? mesh.makeKey()
        self.address = address
        self.mesh = mesh
        context = SigningContext(server: mesh.serverKey.publicKey)
    }

    var configuration: Peer.Configuration {
        Peer.Configuration(key: key, name: name, servers: [mesh.serverKey.publicKey], server: TestMesh.server)
    }
    var session: SessionID? { opened?.welcome.body.session }
    var signer: Signer { Signer(key: key, context: context, from: session?.rawValue ?? 0) }

    func inject(_ bytes: [UInt8], from source: SocketAddress? = nil) {
        mesh.inject(bytes, from: source ?? address)
        mesh.run(for: .zero)
    }

    /// The newest datagram of one kind that the server has sent here.
    func received(_ kind: Kind) throws -> [UInt8] {
        try #require(mesh.flights.last { $0.destination == address && $0.kind == kind }).bytes
    }

    // MARK: joining

    @discardableResult
    func hello() throws -> [UInt8] {
        var joining = Joining(configuration)
        joining.start(at: mesh.now)
        let hello = try #require(joining.poll(now: mesh.now, random: &mesh.random).first)
        attempt = try joining.attempt(tagged: Handshake.tag(of: hello))
        self.joining = joining
        return hello
    }

    func open(welcome: [UInt8]) throws {
        let datagram = try Datagram(decoding: welcome.span)
        guard let serverKey = datagram.header.ephemeral else { throw Rejection.unknownKind }
        opened = try #require(attempt).openWelcome(welcome.span, datagram, serverKey: serverKey)
        counter = 0
        number = 0
    }

    func confirm() throws -> [UInt8] {
        let opened = try #require(opened)
        let body = Heartbeat(number: next(), token: opened.welcome.body.token, version: 0, part: 0)
        return try seal(signer.sign(.confirm, body, extra: .binder(opened.keys.binder)))
    }

    /// Sends HELLO and opens WELCOME. Does not send CONFIRM.
    func beWelcomed() throws {
        inject(try hello())
        try open(welcome: received(.welcome))
    }

    func join() throws {
        try beWelcomed()
        inject(try confirm())
    }

    func askForReject() throws -> Reject {
        inject(try hello())
        let bytes = try received(.reject)
        let datagram = try Datagram(decoding: bytes.span)
        guard let salt = datagram.header.salt else { throw Rejection.unknownKind }
        return try #require(attempt).openReject(bytes.span, datagram, salt: salt)
    }

    // MARK: being a member

    /// Opens and verifies a datagram of the server's.
    func open<Body: Payload>(_ body: Body.Type, _ bytes: [UInt8]) throws -> Body {
        let key = try #require(opened).keys.serverToPeer
        return try Opened<Body>(bytes.span, Datagram(decoding: bytes.span), key: key, by: Libsodium())
            .verified(by: mesh.serverKey.publicKey, in: context).body
    }

    func heartbeat(
        token: UInt64? = nil, version: UInt64 = 0, part: UInt16 = 0, counter: UInt64? = nil, by other: SigningKey? = nil
    ) throws -> [UInt8] {
        let token = try token ?? open(Pulse.self, received(.pulse)).token
        let signer = Signer(key: other ?? key, context: context, from: self.signer.from)
        let signed = signer.sign(.heartbeat, Heartbeat(number: next(), token: token, version: version, part: part))
        return try seal(signed, counter: counter)
    }

    func seal(_ payload: SignedPayload, counter: UInt64? = nil) throws -> [UInt8] {
        let opened = try #require(opened)
        self.counter += 1
        return payload.sealed(to: opened.epoch, counter: counter ?? self.counter, with: opened.keys.peerToServer)
    }

    private func next() -> UInt64 {
        number += 1
        return number
    }

    // MARK: messages

    /// The entry of `peer` in the newest SNAPSHOT or DELTA here that has one.
    func entry(of peer: TestPeer) throws -> Entry {
        let told = try mesh.flights.filter { $0.destination == address }.flatMap { flight -> [Entry] in
            switch flight.kind {
            case .snapshot: try open(Snapshot.self, flight.bytes).entries
            case .delta: try open(Delta.self, flight.bytes).added
            default: []
            }
        }
        return try #require(told.last { $0.identity == peer.publicKey })
    }

    func pairKey(with other: Entry, isSending: Bool) throws -> Secret32 {
        let (attempt, opened) = (try #require(attempt), try #require(opened))
        let secret = try #require(attempt.ephemeral.agree(with: other.agreementKey))
        let me = PairEnd(opened.welcome.body.session, key.publicKey, attempt.ephemeral.agreementPublicKey)
        let them = PairEnd(other.session, other.identity, other.agreementKey)
        return PairEnd.key(
            secret, epoch: opened.epoch, from: isSending ? me : them, to: isSending ? them : me,
            server: mesh.serverKey.publicKey)
    }

    func message(
        _ text: String, to other: TestPeer, audience: PublicKey?, number: UInt64, by signer: SigningKey? = nil,
        counter: UInt64? = nil
    ) throws -> [UInt8] {
        let entry = try entry(of: other)
        let body = PeerMessage(audience: audience, number: number, body: Array(text.utf8))
        return Signer(key: signer ?? key, context: context, from: self.signer.from).sign(.message, body)
            .sealed(
                to: entry.session.rawValue, counter: counter ?? number,
                with: try pairKey(with: entry, isSending: true))
    }
}
