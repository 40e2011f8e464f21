internal import SecureMeshCore
internal import Synchronization

/// The primitives of libsodium, with a measurement of the time that all calls take together.
private final class TimedPrimitives: Primitives {
    private let bare = Libsodium()
    private let nanoseconds = Atomic<Int64>(0)

    /// The time that all calls so far took together.
    var total: Duration { .nanoseconds(nanoseconds.load(ordering: .relaxed)) }

    private func timed<Value>(_ body: () -> Value) -> Value {
        let start = ContinuousClock.now
        defer { nanoseconds.add((ContinuousClock.now - start).wholeNanoseconds, ordering: .relaxed) }
        return body()
    }

    func sign(_ message: [UInt8], by key: SigningKey) -> Signature { timed { bare.sign(message, by: key) } }
    func verify(_ signature: Signature, of message: [UInt8], by key: PublicKey) -> Bool {
        timed { bare.verify(signature, of: message, by: key) }
    }
    func isValidPoint(_ key: PublicKey) -> Bool { timed { bare.isValidPoint(key) } }
    func agreementKey(of key: PublicKey) -> AgreementPublicKey? { timed { bare.agreementKey(of: key) } }
    func publicKey(of secret: Secret32) -> AgreementPublicKey { timed { bare.publicKey(of: secret) } }
    func agree(_ secret: Secret32, _ key: AgreementPublicKey) -> Secret32? { timed { bare.agree(secret, key) } }
    func agree(_ identity: SigningKey, _ key: AgreementPublicKey) -> Secret32? { timed { bare.agree(identity, key) } }
    func seal(_ plaintext: [UInt8], onto datagram: inout [UInt8], counter: UInt64, key: Secret32) {
        timed { bare.seal(plaintext, onto: &datagram, counter: counter, key: key) }
    }
    func open(_ datagram: Span<UInt8>, sealed: Range<Int>, counter: UInt64, key: Secret32) -> [UInt8]? {
        timed { bare.open(datagram, sealed: sealed, counter: counter, key: key) }
    }
}

/// Measures the time that the server needs for a join, and the part of this time that the primitives need.
/// `CoreBenchmarks --joins` prints both times.
enum HandshakeCosts {
    private static let (batch, rounds) = (16, 40)

    static func run() {
        var best = (all: Duration.seconds(1), primitives: Duration.zero)
        for _ in 0..<rounds {
            let primitives = TimedPrimitives()
            var mesh = BenchmarkMesh(members: 5, primitives: primitives)
            mesh.advance(by: .seconds(2))
            let hellos = (0..<batch).map { _ in mesh.hello() }
            var (all, inside) = (Duration.zero, Duration.zero)
            func measure(_ body: (inout BenchmarkMesh) -> Void) {
                let before = primitives.total
                all += ContinuousClock().measure { body(&mesh) }
                inside += primitives.total - before
            }
            measure { $0.handle(hellos) }
            mesh.advance(by: .seconds(2))
            let confirms = mesh.confirms(batch)
            measure { $0.handle(confirms) }
            if all < best.all { best = (all, inside) }
        }
        let (one, primitives) = (best.all / batch, best.primitives / batch)
        print(
            """
            a handshake (HELLO, CONFIRM, first PULSE, part and DELTA) takes \(one.wholeNanoseconds) ns, its primitives \
            \(primitives.wholeNanoseconds) ns
            \(1_000_000_000 / one.wholeNanoseconds) handshakes per second, \
            \(Int(primitives / one * 100)) % of what the primitives alone allow
            """)
    }
}
