/// A server that a peer may join.
package struct PinnedServer: Sendable {
    /// The context of the server's mesh.
    package let context: SigningContext
    /// S: the key that signs the server's datagrams.
    package let identity: PublicKey
    /// S_x: `identity`, converted to X25519.
    package let agreementKey: AgreementPublicKey

    /// Makes the only server of a mesh, whose mesh key is the server's key. Returns nil if the key has no X25519 form.
    package init?(_ identity: PublicKey, primitives: any Primitives) {
        guard let agreementKey = primitives.agreementKey(of: identity) else { return nil }
        context = SigningContext(mesh: identity, primitives: primitives)
        self.identity = identity
        self.agreementKey = agreementKey
    }
}
