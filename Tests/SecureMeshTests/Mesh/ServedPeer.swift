import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// The only peer of a `ScriptedMesh`. A test can send it any datagram.
final class ServedPeer {
    let mesh = ScriptedMesh(seed: 4)
    var client: ScriptedMesh.Client

    init() throws {
        client = try mesh.peer("a")
    }

    var rejections: RejectionCounters { client.machine.rejections }
    var name: PeerName { client.name }

    func handle(_ bytes: [UInt8]) { mesh.hand(bytes, to: &client) }

    /// Lets the peer's timer fire, and returns the HELLO that the peer sends.
    func hello() throws -> [UInt8] {
        client.machine.handleTimeout(now: mesh.now)
        return try newest()
    }

    /// Returns the newest datagram that the peer has sent.
    func newest() throws -> [UInt8] { try #require(mesh.transmits(&client).last) }

    func retry(to hello: [UInt8]) throws {
        let cookie = Bytes16([UInt8](repeating: 7, count: Bytes16.count).span)
        handle(try mesh.server(hello, of: client).retry(cookie: cookie, rotation: 1).bytes)
    }

    /// Lets the peer join. It is the only member, and gets version 2 of the directory.
    func join() throws -> ServedPeer {
        let entry = try mesh.join(&client)
        try mesh.tell(&client, [entry], version: 2)
        return self
    }

    func tell(_ fields: OpenFields, _ payload: some Payload, by thief: SigningKey? = nil) throws {
        try mesh.deliver(fields, payload, to: &client, by: thief)
    }

    /// Sends a DELTA from version 2 to version 3. `change` alters the payload of the DELTA before it is signed.
    func delta(adding entries: [Entry], _ change: ([UInt8]) -> [UInt8] = { $0 }) throws {
        try tell(.delta, RawPayload(change(Delta(from: 2, removed: [], added: entries).encoded)))
    }

    /// Sends a SNAPSHOT of version 3 that lists only this peer. `change` alters the payload of the SNAPSHOT before it
    /// is signed.
    func snapshot(_ change: ([UInt8]) -> [UInt8] = { $0 }) throws {
        let own = try #require(client.server).entry
        try tell(.snapshot, RawPayload(change(Snapshot(version: 3, part: 0, parts: 1, entries: [own]).encoded)))
    }

    /// Sends a message that claims `other` as its sender. The message is sealed with a random key.
    func message(from other: Entry) throws {
        let own = try #require(client.server).entry
        handle(mesh.message(from: other, to: own, shared: mesh.random.secret()))
    }
}
