internal import MeshSimulator
internal import SecureMeshCore

/// Runs fuzzing executions until a time has passed. Each execution has a seed of its own.
enum FuzzCheck {
    /// Runs the executions, and returns a summary.
    ///
    /// - Throws: A `Fault` whose command repeats the fuzzing, beginning with the execution that failed.
    static func run(seed: UInt64, lasting limit: Duration) throws -> String {
        let bench = try FuzzBench()
        let clock = ContinuousClock()
        let start = clock.now
        var count: UInt64 = 0
        var datagrams = 0
        repeat {
            var execution = FuzzExecution(bench, seed: seed &+ count)
            if let failure = try execution.failure() {
                let again = SelfTest.Options(seed: seed &+ count, fuzzing: .seconds(1)).command
                throw Fault("execution \(count): \(failure)", command: again)
            }
            count += 1
            datagrams += execution.datagrams
        } while clock.now - start < limit
        return "\(count) executions, \(datagrams) datagrams in \(limit.argument)"
    }
}

/// The state in which every execution begins: the vectors, and a mesh of two members.
struct FuzzBench {
    let vectors: [Sample]
    let mesh: TestMesh

    init() throws {
        vectors = try VectorCheck.published()
        mesh = TestMesh(seed: 1)
        _ = try mesh.join(2)
    }
}

/// One fuzzing execution. It hands random and tampered datagrams to the decoder, to the receivers of the vectors, and
/// to the machines of a mesh.
struct FuzzExecution {
    private(set) var datagrams = 0
    private let bench: FuzzBench
    private var random: RandomSource

    init(_ bench: FuzzBench, seed: UInt64) {
        self.bench = bench
        random = .seeded(seed)
    }

    /// Runs the execution. Returns a description of the first failure; nil if nothing failed.
    mutating func failure() throws -> String? {
        for _ in 0..<8 {
            if let failure = codecFailure() ?? sealFailure() { return failure }
        }
        return try meshFailure()
    }

    // MARK: the codec

    /// Checks that the decoders accept only the canonical encoding. Returns a description of the failure; nil if
    /// nothing failed.
    private mutating func codecFailure() -> String? {
        let bytes = noise()
        datagrams += 1
        let kind = random.element(of: Kind.allCases)
        let payload = random.below(2) == 0 ? bytes : tampered(random.element(of: bench.vectors).payload)
        return flaw(ofDatagram: bytes) ?? flaw(of: kind, payload: payload)
    }

    /// Returns random bytes, or a test vector's header followed by random bytes, or a tampered test vector. In about
    /// half of the cases, the length field is set to the size.
    private mutating func noise() -> [UInt8] {
        let vector = random.element(of: bench.vectors).bytes
        var bytes: [UInt8] =
            switch random.below(4) {
            case 0: random.bytes(random.below(1_400))
            case 1: vector.prefix(Header.size) + random.bytes(random.below(300))
            default: tampered(vector)
            }
        if bytes.count >= Header.size, random.below(2) == 0 { bytes = bytes.withLength }
        return bytes
    }

    /// Returns a copy of `bytes` with one to three changes. The copy always differs from `bytes`.
    private mutating func tampered(_ bytes: [UInt8]) -> [UInt8] {
        var copy = bytes
        for _ in 0...random.below(3) { Tampering(&random, size: copy.count).apply(to: &copy) }
        while copy == bytes { copy.append(UInt8(truncatingIfNeeded: random.next())) }
        return copy
    }

    // MARK: behind the keys

    /// Checks that the receiver refuses a datagram that was changed after it was signed or sealed. The receiver may
    /// accept the datagram if only bytes that are not signed were changed.
    ///
    /// Returns a description of the failure; nil if nothing failed.
    private mutating func sealFailure() -> String? {
        let vector = random.element(of: bench.vectors)
        datagrams += 1
        let isResealed = random.below(2) == 0
        let bytes = isResealed ? vector.reseal(tampered(vector.plaintext)) : tampered(vector.bytes)
        guard bytes != vector.bytes, vector.refusal(of: bytes) == nil else { return nil }
        let changed = zip(bytes, vector.bytes).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset)
        if bytes.count == vector.bytes.count, changed.allSatisfy(vector.mayDiffer) { return nil }
        return "[\(vector.name)] changed after it was \(isResealed ? "signed" : "sealed") is accepted: \(bytes.excerpt)"
    }

    // MARK: the machines

    private mutating func meshFailure() throws -> String? {
        let mesh = TestMesh(copying: bench.mesh)
        let act = random.element(of: MeshAct.kinds)
        let genuine = try MeshAct.perform(act, in: mesh, &random)
        for _ in 0..<6 {
            let bytes = random.below(3) == 0 ? noise() : tampered(genuine.bytes)
            mesh.inject(bytes, from: genuine.source, to: genuine.destination, isBroken: true)
            if let failure = outcome(in: mesh, isAccepted: false) {
                return "\(act), tampered: \(failure): \(bytes.excerpt)"
            }
        }
        // The genuine datagram must still be accepted, but only once.
        mesh.deliver(genuine, after: .zero)
        if let failure = outcome(in: mesh, isAccepted: true) { return "\(act): \(failure): \(genuine.bytes.excerpt)" }
        guard act != .hello else { return nil }
        mesh.deliver(genuine.copied, after: .zero)
        return outcome(in: mesh, isAccepted: false).map { "\(act), repeated: \($0): \(genuine.bytes.excerpt)" }
    }

    /// Delivers the datagram that is under way in `mesh`, and checks the result and the invariants of the mesh.
    ///
    /// - Parameter isAccepted: True if the receiver must accept the datagram; false if it must refuse the datagram.
    /// - Returns: A description of the failure; nil if nothing failed.
    private mutating func outcome(in mesh: TestMesh, isAccepted: Bool) -> String? {
        datagrams += 1
        mesh.run(for: .zero)
        if let failure = mesh.failure { return failure }
        guard mesh.lastHandling?.isAccepted != isAccepted else { return nil }
        return isAccepted ? "refused" : "accepted"
    }
}
