import SecureMesh
import Testing

@Suite("Vectors: keys")
struct VectorKeysTests {
    @Test("every key, text, address and cookie of the vectors is made here too")
    func keys() throws {
        let world = try VectorWorld()
        let keys = world.keys
        for (owner, key) in [("server", world.server), ("peer_a", world.peerA), ("peer_b", world.peerB)] {
            #expect(key.publicKey == (try keys.publicKey("\(owner)_public")))
            let publicText = try keys.text("\(owner)_public_text")
            #expect(key.publicKey.description == publicText)
            #expect(try PublicKey(text: publicText) == key.publicKey)
            let secretText = try keys.text("\(owner)_secret_text")
            #expect(key.withSecretText { [UInt8](copying: $0) } == Array(secretText.utf8))
            #expect(try SigningKey(secretText: Array(secretText.utf8).span).publicKey == key.publicKey)
        }

        #expect(try keys.bytes("ctx") == Array("securemesh/1".utf8) + world.server.publicKey.bytes.array)
        #expect(Sodium.agreementKey(of: world.server.publicKey) == (try keys.agreementKey("server_x")))
        let serverSecret = try keys.secret("server_x_secret")
        #expect(serverSecret.agreementPublicKey == (try keys.agreementKey("server_x")))

        for name in ["e_a", "e_a2", "e_b", "e_s_a", "e_s_b"] {
            let secret = try keys.secret(name)
            let publicKey = try keys.agreementKey("\(name)_public")
            #expect(secret.agreementPublicKey == publicKey)
            // The identity's own conversion agrees as its converted secret does.
            #expect(world.server.agree(with: publicKey)?.array == serverSecret.agree(with: publicKey)?.array)
        }

        for name in ["epoch", "s_a", "s_b"] {
            #expect([UInt8](bigEndian: try keys.number("\(name)_u64")) == (try keys.bytes(name)))
        }
        for name in ["addr_a", "addr_b"] {
            let address = try keys.address(name)
            #expect(address.description == (try keys.text("\(name)_text")))
            var encoded: [UInt8] = []
            address.append(to: &encoded)
            #expect(encoded == (try keys.bytes(name)))
        }
        let cookie = CookieJar.cookie(try keys.secret("cookie_secret"), try keys.address("addr_a"))
        #expect(cookie.array == (try keys.bytes("cookie_a")))
        #expect(try keys.number("rotation_u64") == 1_234_567)
        keys.expectAllRead()
    }

    @Test("the vectors have these sections and no others")
    func sections() throws {
        #expect(
            try VectorSection.all().map(\.name) == [
                "keys", "hello", "hello-cookie", "hello-b", "retry", "welcome", "welcome-b", "reject", "confirm",
                "heartbeat", "leave", "pulse", "snapshot", "delta", "goodbye", "message", "message-all",
            ])
    }
}
