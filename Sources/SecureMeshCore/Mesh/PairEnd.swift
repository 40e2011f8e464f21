/// The values that a session contributes to the keys of a pair of sessions. These keys encrypt messages and
/// acknowledgments.
package struct PairEnd: Sendable {
    private let session: SessionID
    private let identity: PublicKey
    private let agreementKey: AgreementPublicKey

    package init(_ session: SessionID, _ identity: PublicKey, _ agreementKey: AgreementPublicKey) {
        self.session = session
        self.identity = identity
        self.agreementKey = agreementKey
    }

    /// Derives the key that encrypts the messages and acknowledgments from `a` to `b` (PROTOCOL.md, section 7.1):
    /// KDF("message", DH ‖ s_a ‖ s_b ‖ id_a ‖ id_b ‖ E_a ‖ E_b ‖ M). DH is `secret`, and M is `mesh`.
    package static func key(_ secret: Secret32, from a: PairEnd, to b: PairEnd, mesh: PublicKey) -> Secret32 {
        let input = SecretInput()
        input.append(secret)
        input.append(a.session.rawValue)
        input.append(b.session.rawValue)
        input.append(a.identity.bytes)
        input.append(b.identity.bytes)
        input.append(a.agreementKey.bytes)
        input.append(b.agreementKey.bytes)
        input.append(mesh.bytes)
        return Sodium.derive(.message, input)
    }
}
