internal import SecureMeshCore

/// The primitives of libsodium, but every signature counts as valid.
///
/// With them, members that load a server leave more CPU time for the server. The members still open the seal of each
/// datagram.
struct TrustingPrimitives: Primitives {
    private let bare = Libsodium()

    func verify(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool { true }

    func sign(_ message: [UInt8], by key: SigningKey) -> Signature { bare.sign(message, by: key) }
    func isValidPoint(_ key: PublicKey) -> Bool { bare.isValidPoint(key) }
    func agreementKey(of key: PublicKey) -> AgreementPublicKey? { bare.agreementKey(of: key) }
    func publicKey(of secret: Secret32) -> AgreementPublicKey { bare.publicKey(of: secret) }
    func agree(_ secret: Secret32, _ key: AgreementPublicKey) -> Secret32? { bare.agree(secret, key) }
    func agree(_ identity: SigningKey, _ key: AgreementPublicKey) -> Secret32? { bare.agree(identity, key) }
    func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32) {
        bare.seal(plaintext, onto: &datagram, counter: counter, key: key)
    }
    func open(_ datagram: Span<UInt8>, sealed: Range<Int>, counter: UInt64, key: Secret32) -> [UInt8]? {
        bare.open(datagram, sealed: sealed, counter: counter, key: key)
    }
}
