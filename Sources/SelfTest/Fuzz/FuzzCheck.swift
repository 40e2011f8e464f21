internal import MeshSimulator
internal import SecureMeshCore

/// Executions, each made by a seed of its own, for as long as there is time.
package struct FuzzCheck {
    private let seed: UInt64
    private let limit: Duration

    package init(seed: UInt64, lasting limit: Duration) {
        self.seed = seed
        self.limit = limit
    }

    /// - Throws: a `Fault` whose command begins with the execution that failed.
    package func run() throws -> String {
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
        return "\(count) executions, \(datagrams) datagrams in \(limit.spelled)"
    }
}

/// What every execution starts from.
struct FuzzBench {
    let vectors: [Sample]
    let scene: Scene

    init() throws {
        vectors = try VectorCheck.published()
        scene = try Scene()
    }
}

/// Some random datagrams, and some that were true and then harmed: before the decoder, before whoever holds the keys of
/// a vector, and before the machines of a mesh at work.
struct FuzzExecution {
    private(set) var datagrams = 0
    private let bench: FuzzBench
    private var random: RandomSource

    init(_ bench: FuzzBench, seed: UInt64) {
        self.bench = bench
        random = .seeded(seed)
    }

    /// What has shown to be wrong; nil: nothing.
    mutating func failure() throws -> String? {
        for _ in 0..<8 {
            if let failure = codecFailure() ?? sealFailure() { return failure }
        }
        return try sceneFailure()
    }

    // MARK: the codec

    /// What the decoders accept is the one encoding of what it says.
    private mutating func codecFailure() -> String? {
        let bytes = noise()
        datagrams += 1
        let kind = random.element(of: Kind.allCases)
        let payload = random.below(2) == 0 ? bytes : harmed(random.element(of: bench.vectors).payload)
        return flaw(ofDatagram: bytes) ?? flaw(of: kind, payload: payload)
    }

    /// Random bytes, or a vector that was harmed; at times with a header or a length that is right.
    private mutating func noise() -> [UInt8] {
        let vector = random.element(of: bench.vectors).bytes
        var bytes: [UInt8] =
            switch random.below(4) {
            case 0: random.bytes(random.below(1_400))
            case 1: vector.prefix(Header.size) + random.bytes(random.below(300))
            default: harmed(vector)
            }
        if bytes.count >= Header.size, random.below(2) == 0 { bytes = bytes.withLength }
        return bytes
    }

    /// `bytes` after one to three harms, and never as they were.
    private mutating func harmed(_ bytes: [UInt8]) -> [UInt8] {
        var copy = bytes
        for _ in 0...random.below(3) { random.harm(&copy) }
        while copy == bytes { copy.append(UInt8(truncatingIfNeeded: random.next())) }
        return copy
    }

    // MARK: behind the keys

    /// Nothing that was harmed after it was sealed, or after it was signed, is let in.
    private mutating func sealFailure() -> String? {
        let vector = random.element(of: bench.vectors)
        datagrams += 1
        let isResealed = random.below(2) == 0
        let bytes = isResealed ? vector.reseal(harmed(vector.plaintext)) : harmed(vector.bytes)
        guard bytes != vector.bytes, vector.refusal(of: bytes) == nil else { return nil }
        let changed = zip(bytes, vector.bytes).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset)
        if bytes.count == vector.bytes.count, changed.allSatisfy(vector.mayDiffer) { return nil }
        return "[\(vector.name)] harmed after it was \(isResealed ? "signed" : "sealed") is accepted: \(bytes.excerpt)"
    }

    // MARK: the machines

    private mutating func sceneFailure() throws -> String? {
        var scene = bench.scene
        let act = random.element(of: SceneAct.allCases)
        let genuine = try scene.perform(act, &random)
        let before = scene.observed
        for _ in 0..<6 {
            let bytes = random.below(3) == 0 ? noise() : harmed(genuine)
            datagrams += 1
            let answer = scene.hand(bytes, as: act)
            guard answer == .refused, scene.observed == before else {
                return "\(act): harmed, \(answer): \(bytes.excerpt)"
            }
        }
        // As if nothing had been: the true one comes through, and once.
        datagrams += 1
        let first = scene.hand(genuine, as: act)
        guard first == .taken else { return "\(act): true, \(first): \(genuine.excerpt)" }
        guard act != .hello else { return nil }
        let second = scene.hand(genuine, as: act)
        return second == .refused ? nil : "\(act): again, \(second): \(genuine.excerpt)"
    }
}
