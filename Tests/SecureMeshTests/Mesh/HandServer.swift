import SecureMesh
import SelfTest
import Testing

/// A server by hand, with the real key and no conscience: it tells each peer what the test wants.
final class HandServer {
    struct Client {
        let key: SigningKey
        let name: PeerName
        let address: SocketAddress
        var machine: Peer
        var sendKey: Secret32?
        var counter: UInt64 = 0
    }

    let key: SigningKey
    let context: SigningContext
    let path = Path(remote: TestMesh.server)
    let epoch: UInt64 = 0xE90C_0000_0000_0001
    var random: RandomSource
    var now = Instant(nanoseconds: 0)
    private var clients = 0
    private(set) var newestWelcome: [UInt8]?
    private var pulses: UInt64 = 0

    init(seed: UInt64) {
        random = .seeded(seed)
        key = SigningKey(seed: random.bytes32().array.span)
        context = SigningContext(server: key.publicKey)
    }

    private var signer: Signer { Signer(key: key, context: context, from: epoch) }

    func peer(_ name: String) throws -> Client {
        clients += 1
        let key = SigningKey(seed: random.bytes32().array.span)
        let name = try PeerName(name)
        let configuration = Peer.Configuration(
            key: key, name: name, servers: [self.key.publicKey], server: TestMesh.server)
        return Client(
            key: key, name: name, address: TestMesh.address(clients),
            machine: Peer(configuration, random: .seeded(random.next()), now: now))
    }

    /// HELLO, WELCOME, CONFIRM, and PULSE unless the CONFIRM is to stay unanswered. Gives the entry that an honest
    /// server would list.
    func join(
        _ client: inout Client, session: SessionID? = nil, parameters: Welcome.Parameters? = nil,
        isConfirmed: Bool = true
    ) throws -> Entry {
        client.machine.handleTimeout(now: now)
        let hello = try #require(transmits(&client).first)
        let datagram = try Datagram(decoding: hello.span)
        guard let ephemeral = datagram.header.ephemeral else { throw Rejection.unknownKind }
        let d1 = try #require(key.agree(with: ephemeral))
        let helloKey = Handshake.helloKey(d1: d1, ephemeral: ephemeral, cookie: .zero, server: key.publicKey)
        let verified = try Opened<Hello>(hello.span, datagram, key: helloKey, by: Libsodium())
            .verified(by: client.key.publicKey, in: context)

        let session = session ?? random.sessionID { _ in false }
        let secret = random.secret()
        let d2 = try #require(secret.agree(with: ephemeral))
        let clear = secret.agreementPublicKey
        let transcript = context.transcript(.transcript, hello: hello, last: clear.bytes)
        let ordinary = Welcome.Parameters(
            heartbeat: .milliseconds(500), lifetime: .milliseconds(1_500), trust: .seconds(60), rekey: .seconds(3_600))
        let body = Welcome(session: session, token: 1, parameters: parameters ?? ordinary, address: client.address)
        let welcome = signer.sign(.welcome(ephemeral: clear), body, extra: .transcript(transcript))
            .sealed(
                to: Handshake.tag(of: hello), counter: 0,
                with: Handshake.welcomeKey(d1: d1, d2: d2, transcript: transcript))
        let keys = Handshake.sessionKeys(d1: d1, d2: d2, transcript: transcript, session: session, epoch: epoch)
        client.sendKey = keys.serverToPeer
        newestWelcome = welcome
        client.machine.handle(welcome.span, path: path, now: now)
        let entry = Entry(
            session: session, identity: client.key.publicKey, agreementKey: ephemeral, binding: verified.signature,
            address: client.address, name: client.name)
        if isConfirmed { try pulse(&client, entry, version: 1) }
        return entry
    }

    /// A member that this server has never seen, bound to `agreementKey` by `key` as by its own HELLO.
    func entry(_ name: String, key: SigningKey, agreementKey: AgreementPublicKey, at place: Int) throws -> Entry {
        let name = try PeerName(name)
        let hello = Signer(key: key, context: context, from: 0)
            .sign(.hello(cookie: .zero, ephemeral: agreementKey), Hello(identity: key.publicKey, name: name))
        return Entry(
            session: random.sessionID { _ in false }, identity: key.publicKey, agreementKey: agreementKey,
            binding: hello.signature, address: TestMesh.address(place), name: name)
    }

    /// SNAPSHOT of `entries`, and a PULSE at its version: the peer may speak.
    func tell(_ client: inout Client, _ entries: [Entry], version: UInt64) throws {
        let own = try #require(entries.first { $0.identity == client.key.publicKey })
        let sorted = entries.sorted { $0.session < $1.session }
        let snapshot = Snapshot(version: version, part: 0, parts: 1, entries: sorted)
        try deliver(.snapshot, snapshot, to: &client, own)
        try pulse(&client, own, version: version)
        #expect(client.machine.version == version)
    }

    /// A message as the owner of `from.agreementKey` would seal it, signed by the server for want of the right key.
    func message(from: Entry, to: Entry, shared: Secret32) throws -> [UInt8] {
        let secret = PairEnd.key(
            shared, epoch: epoch, from: PairEnd(from.session, from.identity, from.agreementKey),
            to: PairEnd(to.session, to.identity, to.agreementKey), server: key.publicKey)
        return Signer(key: key, context: context, from: from.session.rawValue)
            .sign(.message, PeerMessage(audience: nil, number: 1, body: []))
            .sealed(to: to.session.rawValue, counter: 1, with: secret)
    }

    func transmits(_ client: inout Client) -> [[UInt8]] {
        outputs(&client).compactMap { if case .transmit(let transmit) = $0 { transmit.bytes } else { nil } }
    }

    func events(_ client: inout Client) -> [PeerEvent] {
        outputs(&client).compactMap { if case .event(let event) = $0 { event } else { nil } }
    }

    /// Seals anything, as if from the server or really; gives the counter.
    @discardableResult
    func deliver(
        _ fields: OpenFields, _ payload: some Payload, to client: inout Client, _ entry: Entry,
        by thief: SigningKey? = nil, counter: UInt64? = nil
    ) throws -> UInt64 {
        let signer = Signer(key: thief ?? key, context: context, from: epoch)
        if counter == nil { client.counter += 1 }
        let counter = counter ?? client.counter
        let bytes = signer.sign(fields, payload)
            .sealed(
                to: entry.session.rawValue, counter: counter, with: try #require(client.sendKey))
        client.machine.handle(bytes.span, path: path, now: now)
        return counter
    }

    private func outputs(_ client: inout Client) -> [Output<PeerEvent>] {
        var outputs: [Output<PeerEvent>] = []
        while let output = client.machine.pollOutput() { outputs.append(output) }
        return outputs
    }

    private func pulse(_ client: inout Client, _ entry: Entry, version: UInt64) throws {
        pulses += 1
        let pulse = Pulse(number: pulses, token: pulses, version: version)
        try deliver(.pulse(echo: 1), pulse, to: &client, entry)
    }
}
