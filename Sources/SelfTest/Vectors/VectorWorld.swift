internal import SecureMeshCore

/// The keys and numbers of the [keys] section, which all other sections use.
struct VectorWorld {
    let vectors: Vectors
    let keys: VectorSection
    let mesh: SigningKey
    let server: SigningKey
    let peerA: SigningKey
    let peerB: SigningKey
    let context: SigningContext
    let epoch: UInt64

    init(_ vectors: Vectors) throws {
        self.vectors = vectors
        keys = try vectors.section("keys")
        mesh = try keys.signingKey("mesh_seed")
        server = try keys.signingKey("server_seed")
        peerA = try keys.signingKey("peer_a_seed")
        peerB = try keys.signingKey("peer_b_seed")
        context = SigningContext(mesh: mesh.publicKey)
        epoch = try keys.number("epoch_u64")
    }

    func agree(_ secret: Secret32, _ key: AgreementPublicKey) throws -> Secret32 {
        try require(secret.agree(with: key), "no agreement with \(key.bytes.array.hex)")
    }

    /// Checks keys, texts, addresses and cookies.
    func checkKeys(_ keys: VectorSection) throws -> Sample? {
        for owner in ["mesh", "server", "peer_a", "peer_b"] {
            let key = try keys.signingKey("\(owner)_seed")
            try keys.expect("\(owner)_public", key.publicKey.bytes.array)
            let publicText = try keys.text("\(owner)_public_text")
            keys.expect(key.publicKey.description == publicText, "\(owner)_public_text comes out otherwise")
            keys.expect(try PublicKey(publicText) == key.publicKey, "\(owner)_public_text is another key")
            let secretText = Array(try keys.text("\(owner)_secret_text").utf8)
            let made = key.withSecretText { [UInt8](copying: $0) }
            keys.expect(made == secretText, "\(owner)_secret_text comes out otherwise")
            let read = try SigningKey(secretText.span)
            keys.expect(read.publicKey == key.publicKey, "\(owner)_secret_text is another key")
        }

        try keys.expect("ctx", Array("securemesh/1".utf8) + mesh.publicKey.bytes.array)
        try keys.expect("server_x", Sodium.agreementKey(of: server.publicKey)?.bytes.array ?? [])
        let serverSecret = try keys.secret("server_x_secret")
        try keys.expect("server_x", serverSecret.agreementPublicKey.bytes.array)

        for name in ["e_a", "e_a2", "e_b", "e_s_a", "e_s_b"] {
            let publicKey = try keys.secret(name).agreementPublicKey
            try keys.expect("\(name)_public", publicKey.bytes.array)
            // Key agreement with the seed, and with the secret converted from it, must give the same value.
            let (own, converted) = (server.agree(with: publicKey), serverSecret.agree(with: publicKey))
            keys.expect(own?.array == converted?.array, "server_x_secret and the seed agree differently with \(name)")
        }

        for name in ["epoch", "s_a", "s_b", "directory"] {
            try keys.expect(name, [UInt8](bigEndian: keys.number("\(name)_u64")))
        }
        for name in ["addr_a", "addr_b"] {
            let address = try keys.address(name)
            try keys.expect("\(name)_text", text: address.description)
            try keys.expect(name, [UInt8](appending: address.append(to:)))
        }
        let cookie = CookieJar.cookie(try keys.secret("cookie_secret"), try keys.address("addr_a"))
        try keys.expect("cookie_a", cookie.array)
        keys.expect(try keys.number("rotation_u64") == 1_234_567, "rotation_u64 is another number")
        return nil
    }
}
