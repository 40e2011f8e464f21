import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// A scripted server and its peers, without a network. The test chooses which datagrams the server sends to each peer.
final class ScriptedMesh {
    struct Client {
        let key: SigningKey
        let name: PeerName
        let address: SocketAddress
        var machine: Peer
        /// The server's side of the newest session; nil if there is none.
        var server: ScriptedServer?
    }

    let key: SigningKey
    let context: SigningContext
    let path = Path(remote: TestMesh.server)
    let epoch: UInt64 = 0xE90C_0000_0000_0001
    var random: RandomSource
    var now = Instant(nanoseconds: 0)
    private var clients = 0

    /// - Parameter primitives: The cryptographic primitives of the server and of all peers.
    init(seed: UInt64, primitives: any Primitives = Libsodium()) {
        random = .seeded(seed)
        key = random.signingKey()
        context = SigningContext(mesh: key.publicKey, primitives: primitives)
    }

    func peer(_ name: String, messageLimits: MessageLimits = MessageLimits()) throws -> Client {
        clients += 1
        let (key, name) = (random.signingKey(), try PeerName(name))
        var configuration = Peer.Configuration(
            key: key, name: name, servers: [self.key.publicKey], server: TestMesh.server)
        configuration.messageLimits = messageLimits
        configuration.primitives = context.primitives
        return Client(
            key: key, name: name, address: TestMesh.address(clients),
            machine: Peer(configuration, random: .seeded(random.next()), now: now))
    }

    /// Creates the server's side of a session with the peer that sent `hello`.
    func server(
        _ hello: [UInt8], of client: Client, session: SessionID? = nil, parameters: SessionParameters = .ordinary
    ) throws -> ScriptedServer {
        try ScriptedServer(
            key: key, context: context, hello: hello, from: client.address,
            session: session ?? random.sessionID { _ in false }, epoch: epoch, ephemeral: random.secret(),
            parameters: parameters)
    }

    /// Exchanges HELLO, WELCOME and CONFIRM with a peer. If `isConfirmed`, also sends a PULSE.
    ///
    /// - Returns: The entry with which an honest server would list the peer.
    func join(
        _ client: inout Client, session: SessionID? = nil, parameters: SessionParameters = .ordinary,
        isConfirmed: Bool = true
    ) throws -> Entry {
        client.machine.handleTimeout(now: now)
        let hello = try #require(transmits(&client).first)
        return try answer(hello, &client, session: session, parameters: parameters, isConfirmed: isConfirmed)
    }

    /// Creates the only peer of the mesh, and lets it join. It gets version 2 of the directory.
    func onlyMember(parameters: SessionParameters = .ordinary) throws -> (client: Client, entry: Entry) {
        var client = try peer("a")
        let entry = try join(&client, parameters: parameters)
        try tell(&client, [entry], version: 2)
        return (client, entry)
    }

    /// Answers a HELLO with WELCOME. If `isConfirmed`, also sends the PULSE that follows the CONFIRM.
    ///
    /// - Returns: The entry with which an honest server would list the peer.
    func answer(
        _ hello: [UInt8], _ client: inout Client, session: SessionID? = nil, parameters: SessionParameters = .ordinary,
        isConfirmed: Bool = true
    ) throws -> Entry {
        let server = try server(hello, of: client, session: session, parameters: parameters)
        client.server = server
        hand(server.welcome.bytes, to: &client)
        if isConfirmed { try pulse(&client, version: 1) }
        return server.entry
    }

    /// Returns the entry of a member. `key` has signed `agreementKey`, as in the member's HELLO.
    func entry(_ name: String, key: SigningKey, agreementKey: AgreementPublicKey, at index: Int) throws -> Entry {
        let name = try PeerName(name)
        let hello = ForgedDatagram(
            .hello(cookie: .zero, ephemeral: agreementKey), to: 0, from: 0, counter: 0,
            payload: Hello(identity: key.publicKey, name: name).encoded, signer: key, context: context, key: nil)
        return Entry(
            session: random.sessionID { _ in false }, identity: key.publicKey, agreementKey: agreementKey,
            binding: hello.signature, address: TestMesh.address(index), name: name)
    }

    /// Makes two peers members of the mesh. Each lists the other, and both may send messages.
    func introduce(_ a: inout Client, _ b: inout Client) throws {
        let entries = [try join(&a), try join(&b)]
        try tell(&a, entries, version: 2)
        try tell(&b, entries, version: 2)
    }

    /// Creates `count` members and returns their entries. The secret keys of these members are not stored.
    func strangers(_ count: Int) throws -> [Entry] {
        try (0..<count).map { number in
            let agreementKey = context.primitives.publicKey(of: random.secret())
            return try entry(
                "stranger-\(number)", key: random.signingKey(), agreementKey: agreementKey, at: 1_000 + number)
        }
    }

    /// Sends a peer a SNAPSHOT of `entries`, and a PULSE with the version of the SNAPSHOT. The peer may then send
    /// messages.
    func tell(_ client: inout Client, _ entries: [Entry], version: UInt64) throws {
        let sorted = entries.sorted { $0.session < $1.session }
        let starts = Array(stride(from: 0, to: sorted.count, by: 6))
        for (part, start) in starts.enumerated() {
            let slice = Array(sorted[start..<min(start + 6, sorted.count)])
            let snapshot = Snapshot(
                version: version, part: UInt16(part), parts: UInt16(starts.count), entries: slice)
            try deliver(.snapshot, snapshot, to: &client)
        }
        try pulse(&client, version: version, of: sorted)
        #expect(client.machine.version == version)
    }

    /// Returns a message that is sealed with the key of the pair, which follows from `shared`. The server signs the
    /// message in place of the sender.
    func message(from: Entry, to: Entry, shared: Secret32) -> [UInt8] {
        let secret = PairEnd.key(
            shared, from: PairEnd(from.session, from.identity, from.agreementKey),
            to: PairEnd(to.session, to.identity, to.agreementKey), mesh: context.mesh)
        return ForgedDatagram(
            .message, to: to.session.rawValue, from: from.session.rawValue, counter: 1,
            payload: PeerMessage(audience: nil, number: 1, body: []).encoded, signer: key, context: context, key: secret
        ).bytes
    }

    /// Sends a datagram to a peer in the session `client.server`.
    ///
    /// - Parameter signer: The key that signs the datagram; nil for the server's key.
    /// - Returns: The counter of the datagram.
    @discardableResult
    func deliver(
        _ fields: OpenFields, _ payload: some Payload, to client: inout Client, by signer: SigningKey? = nil,
        counter: UInt64? = nil
    ) throws -> UInt64 {
        let next = client.server?.next(fields, payload)
        var draft = try #require(next).signed(by: signer)
        draft.counter = counter ?? draft.counter
        hand(draft.bytes, to: &client)
        return draft.counter
    }

    /// Gives a datagram to a peer.
    ///
    /// - Parameter source: The address from which the datagram comes; nil for the server's address.
    func hand(_ bytes: [UInt8], to client: inout Client, from source: SocketAddress? = nil) {
        client.machine.handle(bytes.span, path: source.map { Path(remote: $0) } ?? path, now: now)
    }

    func transmits(_ client: inout Client) -> [[UInt8]] {
        outputs(&client).compactMap { if case .transmit(let transmit) = $0 { transmit.bytes } else { nil } }
    }

    func events(_ client: inout Client) -> [PeerEvent] {
        outputs(&client).compactMap { if case .event(let event) = $0 { event } else { nil } }
    }

    private func outputs(_ client: inout Client) -> [Output<PeerEvent>] {
        var outputs: [Output<PeerEvent>] = []
        while let output = client.machine.pollOutput() {
            guard case .drain = output else {
                outputs.append(output)
                continue
            }
            client.machine.handleDrained(now: now)
        }
        return outputs
    }

    /// Lets time pass until `instant`. Timers of the peer that are due before `instant` fire on time.
    ///
    /// - Returns: The datagrams that the peer has sent.
    @discardableResult
    func wait(_ client: inout Client, until instant: Instant) -> [[UInt8]] {
        var sent: [[UInt8]] = []
        while let deadline = client.machine.nextDeadline, deadline < instant {
            now = max(now, deadline)
            client.machine.handleTimeout(now: now)
            sent += transmits(&client)
        }
        now = instant
        return sent
    }

    /// Returns a PULSE for `version`, with the digest of `entries`.
    func pulse(number: UInt64, version: UInt64, of entries: [Entry]) -> Pulse {
        let digest = entries.sorted { $0.session < $1.session }.digest(id: epoch, version: version)
        return Pulse(number: number, version: version, flags: .current, digest: digest)
    }

    private func pulse(_ client: inout Client, version: UInt64, of entries: [Entry] = []) throws {
        let digest = pulse(number: 0, version: version, of: entries).digest
        let pulse = client.server?.pulse(echo: 1, token: 1, version: version, digest: digest)
        hand(try #require(pulse).bytes, to: &client)
    }
}

extension SessionParameters {
    /// Returns the default intervals, except that the keys change after `rekey`.
    static func ordinary(rekey: Duration) -> SessionParameters {
        SessionParameters(
            heartbeat: ProtocolConstants.heartbeatInterval, lifetime: ProtocolConstants.lifetime,
            trust: ProtocolConstants.trust, rekey: rekey)
    }
}
