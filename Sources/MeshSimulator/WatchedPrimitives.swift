package import SecureMesh
package final class WatchedPrimitives: Primitives {
    private let base: any Primitives
    package let violations: [String] = []
    package init(_ base: any Primitives) { self.base = base }
    package func sign(_ message: [UInt8], by key: SigningKey) -> Signature { base.sign(message, by: key) }
    package func verify(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        base.verify(signature, of: message, by: key)
    }
    package func isValidPoint(_ key: PublicKey) -> Bool { base.isValidPoint(key) }
    package func agreementKey(of key: PublicKey) -> AgreementPublicKey? { base.agreementKey(of: key) }
    package func publicKey(of secret: Secret32) -> AgreementPublicKey { base.publicKey(of: secret) }
    package func agree(_ secret: Secret32, _ key: AgreementPublicKey) -> Secret32? { base.agree(secret, key) }
    package func agree(_ identity: SigningKey, _ key: AgreementPublicKey) -> Secret32? { base.agree(identity, key) }
    package func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32) {
        base.seal(plaintext, onto: &datagram, counter: counter, key: key)
    }
    package func open(_ datagram: Span<UInt8>, sealed: Range<Int>, counter: UInt64, key: Secret32) -> [UInt8]? {
        base.open(datagram, sealed: sealed, counter: counter, key: key)
    }
}
