/// A server that a peer may join.
package struct PinnedServer: Sendable {
    /// The signing context of the server's mesh, for which all signatures are made.
    package let context: SigningContext
    /// The key that signs the server's datagrams: S in PROTOCOL.md.
    package let identity: PublicKey
    /// `identity`, converted to an X25519 key: S_x in PROTOCOL.md.
    package let agreementKey: AgreementPublicKey

    /// Makes a server that is the only one of its mesh, so that its key is also the mesh key. Returns nil if the key
    /// cannot be converted to X25519.
    package init?(_ identity: PublicKey, primitives: any Primitives) {
        guard let agreementKey = primitives.agreementKey(of: identity) else { return nil }
        context = SigningContext(mesh: identity, primitives: primitives)
        self.identity = identity
        self.agreementKey = agreementKey
    }
}
