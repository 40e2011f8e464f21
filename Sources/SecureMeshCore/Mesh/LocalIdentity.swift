/// What a pair's key depends on besides the other's entry.
package struct LocalIdentity: Sendable {
    package let session: SessionID
    package let epoch: UInt64
    package let ephemeral: Secret32
    package let agreementKey: AgreementPublicKey
    package let publicKey: PublicKey
    package let context: SigningContext
}
