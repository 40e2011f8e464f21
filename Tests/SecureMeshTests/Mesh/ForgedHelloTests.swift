import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests HELLOs that no honest peer sends (docs/conformance.md, cases 20 to 24). The server answers a HELLO only if its
/// signature is correct.
@Suite("Forged HELLOs") struct ForgedHelloTests {
    private let mesh = TestMesh()

    /// Returns a forged HELLO. The test can choose each part of it.
    private func hello(
        _ mesh: TestMesh, ephemeral: AgreementPublicKey? = nil, identity: PublicKey? = nil, signer: SigningKey,
        context: SigningContext? = nil
    ) throws -> [UInt8] {
        let hand = try ScriptedMember("forged", key: signer, in: mesh)
        _ = hand.hello()
        var hello = try #require(hand.peer.attempt?.hello)
        if let ephemeral { hello.fields = .hello(cookie: .zero, ephemeral: ephemeral) }
        if let identity { hello.payload = Hello(identity: identity, name: hand.peer.name).encoded }
        hello.context = context ?? hello.context
        return hello.bytes
    }

    private func expectSilence(_ mesh: TestMesh, _ hello: [UInt8], _ rejection: Rejection) {
        let sent = mesh.flights.count
        mesh.inject(hello, from: .place)
        mesh.run(for: .milliseconds(10))
        #expect(mesh.flights.count == sent)
        #expect(mesh.registry?.rejections[rejection] == 1)
        #expect(mesh.members.isEmpty)
    }

    @Test("a HELLO under another's E_p gets no answer") func anothersEphemeral() throws {
        let victim = try ScriptedMember("victim", at: TestMesh.address(0), in: mesh)
        let stolen = victim.hello()
        let ephemeral = try #require(Datagram(decoding: stolen.span).header.ephemeral)
        expectSilence(mesh, try hello(mesh, ephemeral: ephemeral, signer: mesh.makeKey()), .sealBroken)
    }

    @Test("a HELLO with E_p = S_x gets no answer") func serversKey() throws {
        let serverKey = try #require(Sodium.agreementKey(of: mesh.serverKey.publicKey))
        expectSilence(mesh, try hello(mesh, ephemeral: serverKey, signer: mesh.makeKey()), .sealBroken)
    }

    @Test("a HELLO with an E_p of small order gets no answer") func smallOrder() throws {
        let one = try #require(Bytes32([1] + [UInt8](repeating: 0, count: 31)))
        for ephemeral in [Bytes32.zero, one] {
            let bytes = try hello(mesh, ephemeral: AgreementPublicKey(bytes: ephemeral), signer: mesh.makeKey())
            mesh.inject(bytes, from: .place)
        }
        mesh.run(for: .zero)
        #expect(mesh.flights.isEmpty)
        #expect(mesh.registry?.rejections[.agreementFailed] == 2)
    }

    @Test("a HELLO that names the server's own identity gets no answer, even correctly signed")
    func serversIdentity() throws {
        let forged = try hello(mesh, identity: mesh.serverKey.publicKey, signer: mesh.makeKey())
        expectSilence(mesh, forged, .identityInvalid)
        let genuine = try hello(mesh, signer: mesh.serverKey)
        mesh.inject(genuine, from: .place)
        mesh.run(for: .zero)
        #expect(mesh.registry?.rejections[.identityInvalid] == 2)
        #expect(mesh.flights.isEmpty)
    }

    @Test("a HELLO of another mesh gets no answer, even sealed again for this one") func anotherMesh() throws {
        let other = TestMesh(seed: 2)
        expectSilence(mesh, try hello(other, signer: mesh.makeKey()), .sealBroken)
        let context = SigningContext(mesh: other.serverKey.publicKey)
        expectSilence(mesh, try hello(mesh, signer: mesh.makeKey(), context: context), .signatureInvalid)
    }

    @Test("an unlisted key gets no answer for a bad signature, REJECT for a good one") func unlisted() throws {
        let mesh = TestMesh { $0.roster = Roster(authorized: [:]) }
        let unlisted = mesh.makeKey()
        let forged = try hello(mesh, identity: unlisted.publicKey, signer: mesh.makeKey())
        expectSilence(mesh, forged, .signatureInvalid)
        mesh.inject(try hello(mesh, signer: unlisted), from: .place)
        mesh.run(for: .zero)
        #expect(mesh.flights.map(\.kind) == [.reject])
    }

    @Test("two REJECTs of one HELLO have two salts, so two keys") func twoRejects() throws {
        let mesh = TestMesh { $0.roster = Roster(authorized: [:]) }
        let bytes = try hello(mesh, signer: mesh.makeKey())
        mesh.inject(bytes, from: .place)
        mesh.inject(bytes, from: .place)
        mesh.run(for: .zero)
        let rejects = mesh.sent(.reject)
        #expect(rejects.count == 2)
        #expect(Set(rejects.map { $0.header?.fields }).count == 2)
        #expect(Set(rejects.map { Array($0.bytes[60...]) }).count == 2)
    }

    @Test("a source that no member could have gets no answer and causes no work") func sources() throws {
        let bytes = try hello(mesh, signer: mesh.makeKey())
        let sources = [
            TestMesh.server, SocketAddress(ip: .v4(0x0A02_0001), port: 0), SocketAddress(ip: .v4(0), port: 9),
            SocketAddress(ip: .v4(0x7F00_0001), port: 9), SocketAddress(ip: .v4(0xE000_0001), port: 9),
            SocketAddress(ip: .v4(0xFFFF_FFFF), port: 9), SocketAddress(ip: .v4(0xA9FE_0001), port: 9),
        ]
        for source in sources { mesh.inject(bytes, from: source) }
        mesh.run(for: .zero)
        #expect(mesh.flights.isEmpty)
        #expect(mesh.registry?.rejections[.sourceNotAllowed] == UInt64(sources.count))
    }
}
