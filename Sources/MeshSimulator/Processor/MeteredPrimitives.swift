package import SecureMeshCore
internal import Synchronization

/// Forwards all calls of primitives, and adds up the costs of these calls.
package final class MeteredPrimitives: Primitives {
    private let base: any Primitives
    private let costs: Costs
    private let spent = Atomic<Int64>(0)

    package init(_ base: any Primitives, costs: Costs) {
        self.base = base
        self.costs = costs
    }

    /// Returns the CPU time, in nanoseconds, of all primitives that were called since the last call of this function.
    package func take() -> Int64 { spent.exchange(0, ordering: .relaxed) }

    private func spend(_ cost: Int64, bytes: Int = 0) {
        spent.wrappingAdd(cost + costs.kibibyte * Int64(bytes) / 1_024, ordering: .relaxed)
    }

    // MARK: Primitives

    package func sign(_ message: [UInt8], by key: SigningKey) -> Signature {
        spend(costs.sign)
        return base.sign(message, by: key)
    }

    package func verify(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        spend(costs.verify)
        return base.verify(signature, of: message, by: key)
    }

    package func isValidPoint(_ key: PublicKey) -> Bool {
        spend(costs.isValidPoint)
        return base.isValidPoint(key)
    }

    package func agreementKey(of key: PublicKey) -> AgreementPublicKey? {
        spend(costs.agreementKey)
        return base.agreementKey(of: key)
    }

    package func publicKey(of secret: Secret32) -> AgreementPublicKey {
        spend(costs.publicKey)
        return base.publicKey(of: secret)
    }

    package func agree(_ secret: Secret32, _ key: AgreementPublicKey) -> Secret32? {
        spend(costs.agree)
        return base.agree(secret, key)
    }

    package func agree(_ identity: SigningKey, _ key: AgreementPublicKey) -> Secret32? {
        spend(costs.agree)
        return base.agree(identity, key)
    }

    package func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32) {
        spend(costs.seal, bytes: plaintext.count)
        base.seal(plaintext, onto: &datagram, counter: counter, key: key)
    }

    package func open(_ datagram: Span<UInt8>, sealed: Range<Int>, counter: UInt64, key: Secret32) -> [UInt8]? {
        spend(costs.open, bytes: sealed.count)
        return base.open(datagram, sealed: sealed, counter: counter, key: key)
    }
}
