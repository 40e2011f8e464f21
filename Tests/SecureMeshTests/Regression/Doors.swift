import SecureMesh
import SelfTest
import Testing

/// A peer whose server is scripted: it can send the peer anything, valid or not.
final class MemberDoor {
    let server = HandServer(seed: 4)
    var client: HandServer.Client

    init() throws {
        client = try server.peer("a")
    }

    var rejections: RejectionCounters { client.machine.rejections }

    func handle(_ bytes: [UInt8]) {
        client.machine.handle(bytes.span, path: server.path, now: server.now)
    }

    /// Returns the HELLO that is due.
    func hello() throws -> [UInt8] {
        client.machine.handleTimeout(now: server.now)
        return try newest()
    }

    /// Returns the datagram that the peer sent last.
    func newest() throws -> [UInt8] { try #require(server.transmits(&client).last) }

    func retry(to hello: [UInt8]) {
        let cookie = Bytes16([UInt8](repeating: 7, count: Bytes16.count).span)
        let signed = Signer(key: server.key, context: server.context, from: server.epoch)
            .sign(.retry(cookie: cookie, rotation: 1), RawPayload([]))
        handle(signed.unsealed(to: Handshake.tag(of: hello), as: signed.fields))
    }

    /// Makes the peer a member that holds version 2 of a directory with its own entry.
    func join() throws -> Joined {
        let entry = try server.join(&client)
        try server.tell(&client, [entry], version: 2)
        return Joined(door: self, entry: entry)
    }

    struct Joined {
        let door: MemberDoor
        let entry: Entry

        func tell(_ fields: OpenFields, _ payload: some Payload, by thief: SigningKey? = nil) throws {
            try door.server.deliver(fields, payload, to: &door.client, entry, by: thief)
        }

        /// Sends a DELTA from version 2 to 3, whose payload `change` alters before it is signed.
        func delta(adding entries: [Entry], _ change: ([UInt8]) -> [UInt8] = { $0 }) throws {
            try tell(.delta, RawPayload(change(Delta(from: 2, removed: [], added: entries).encoded)))
        }

        /// Sends a SNAPSHOT of version 3 with only this peer's entry.
        func snapshot(_ change: ([UInt8]) -> [UInt8] = { $0 }) throws {
            let snapshot = Snapshot(version: 3, part: 0, parts: 1, entries: [entry])
            try tell(.snapshot, RawPayload(change(snapshot.encoded)))
        }

        /// Sends a message that claims to be from the owner of `other`, sealed with a random key.
        func message(from other: Entry) throws {
            let shared = door.server.random.secret()
            door.handle(try door.server.message(from: other, to: entry, shared: shared))
        }
    }
}

extension HandPeer {
    /// Returns a HELLO whose payload `change` alters before it is signed, and whose other parts can be chosen.
    func forgedHello(
        cookie: Bytes16 = .zero, ephemeral: AgreementPublicKey? = nil, by other: SigningKey? = nil,
        _ change: ([UInt8]) -> [UInt8] = { $0 }
    ) throws -> [UInt8] {
        let server = mesh.serverKey.publicKey
        let converted = try #require(Sodium.agreementKey(of: server))
        let secret = mesh.random.secret()
        let d1 = try #require(secret.agree(with: converted))
        let clear = ephemeral ?? secret.agreementPublicKey
        let payload = RawPayload(change(Hello(identity: key.publicKey, name: name).encoded))
        return Signer(key: other ?? key, context: context, from: 0)
            .sign(.hello(cookie: cookie, ephemeral: clear), payload)
            .sealed(
                to: 0, counter: 0,
                with: Handshake.helloKey(d1: d1, ephemeral: clear, cookie: cookie, server: server))
    }

    /// Uses up the budget for HELLOs without a cookie, and returns the cookie of this address.
    func cookie() throws -> Bytes16 {
        mesh.exhaustBudget()
        mesh.run(for: mesh.latency)
        inject(try hello())
        let retry = try received(.retry)
        return try VerifiedRetry(retry, in: context).cookie
    }

    /// Sends `count` HELLOs that are well-formed and cannot be opened, all from this address.
    func flood(_ count: Int, cookie: Bytes16) {
        var bytes: [UInt8] = []
        cookie.append(to: &bytes)
        for _ in 0..<count { mesh.inject(mesh.garbageHello().replacing(at: Header.size, with: bytes), from: address) }
        mesh.run(for: .zero)
    }
}
