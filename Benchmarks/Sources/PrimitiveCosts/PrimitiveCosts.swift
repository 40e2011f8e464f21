import SecureMeshCore

/// Prints the time of each primitive in nanoseconds, one per line. The time is the smallest mean among many short runs,
/// because other programs can only make a run longer.
@main
struct PrimitiveCosts {
    static func main() {
        let primitives = Libsodium()
        let key = SigningKey()
        let message = [UInt8](repeating: 7, count: 200)
        let signature = primitives.sign(message, by: key)
        let secret = Secret32.random()
        guard let agreementKey = primitives.agreementKey(of: key.publicKey) else { return }
        let small = Self.sealed(0, primitives, secret)
        let large = Self.sealed(1_024, primitives, secret)
        let plain = [UInt8](repeating: 7, count: 1_024)

        let seal = time { Self.used(Self.sealed(0, primitives, secret).count) }
        let open = time {
            Self.used(primitives.open(small.span, sealed: 28..<small.count, counter: 1, key: secret) != nil)
        }
        let sealLarge = time {
            var datagram = Self.header
            primitives.seal(plain, onto: &datagram, counter: 1, key: secret)
            Self.used(datagram.count)
        }
        let openLarge = time {
            Self.used(primitives.open(large.span, sealed: 28..<large.count, counter: 1, key: secret) != nil)
        }
        show("sign", time { Self.used(primitives.sign(message, by: key)) })
        show("verify", time { Self.used(primitives.verify(signature, of: message, by: key.publicKey)) })
        show("isValidPoint", time { Self.used(primitives.isValidPoint(key.publicKey)) })
        show("agreementKey", time { Self.used(primitives.agreementKey(of: key.publicKey)) })
        show("publicKey", time { Self.used(primitives.publicKey(of: secret)) })
        show("agree", time { Self.used(primitives.agree(secret, agreementKey)) })
        show("seal", seal)
        show("open", open)
        show("kibibyte", max(sealLarge - seal, openLarge - open))
        show("hash", time { Self.used(Sodium.hash(.transcript, message.span)) })
    }

    private static let header = [UInt8](repeating: 1, count: 28)

    private static func sealed(_ count: Int, _ primitives: Libsodium, _ key: Secret32) -> [UInt8] {
        var datagram = header
        primitives.seal([UInt8](repeating: 7, count: count), onto: &datagram, counter: 1, key: key)
        return datagram
    }

    /// Keeps the optimizer from removing the code that computes `value`.
    @inline(never) private static func used<Value>(_ value: Value) {}

    private static func show(_ name: String, _ nanoseconds: Int) { print("\(name) \(nanoseconds)") }

    private static func time(_ body: () -> Void) -> Int {
        let clock = ContinuousClock()
        let best = (0..<200).map { _ in
            clock.measure { for _ in 0..<20 { body() } }
        }.min()
        return Int((best ?? .zero) / .nanoseconds(20))
    }
}
