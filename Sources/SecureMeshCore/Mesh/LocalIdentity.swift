/// The identity and the keys of this peer in one of its sessions. The keys of its pairs with other members are derived
/// from them.
package struct LocalIdentity: Sendable {
    package let session: SessionID
    package let ephemeral: Secret32
    package let publicKey: PublicKey
    package let context: SigningContext
    let agreementKey: AgreementPublicKey

    package init(session: SessionID, ephemeral: Secret32, publicKey: PublicKey, context: SigningContext) {
        self.session = session
        self.ephemeral = ephemeral
        self.publicKey = publicKey
        self.context = context
        agreementKey = context.primitives.publicKey(of: ephemeral)
    }

    /// Derives the key of the messages that go in one direction between this session and the session of `entry`
    /// (PROTOCOL.md, section 7.1).
    ///
    /// - Parameter isSending: True for messages to `entry`, false for messages from `entry`.
    /// - Returns: The key; nil if the ephemeral key in the entry is of small order.
    func key(with entry: Entry, isSending: Bool) -> Secret32? {
        guard let secret = context.primitives.agree(ephemeral, entry.agreementKey) else { return nil }
        let own = PairEnd(session, publicKey, agreementKey)
        let other = PairEnd(entry.session, entry.identity, entry.agreementKey)
        let (sender, receiver) = isSending ? (own, other) : (other, own)
        return PairEnd.key(secret, from: sender, to: receiver, mesh: context.mesh)
    }
}
