/// The source of a machine's random numbers: the operating system, or a seed that makes a run repeatable.
package struct RandomSource: RandomNumberGenerator, Sendable {
    private var seed: UInt64?

    /// The generator of libsodium. Everything except tests and simulations uses it.
    package static let system = RandomSource(seed: nil)

    /// Returns a SplitMix64 generator with this seed. Its numbers are predictable, so only tests and simulations use
    /// it.
    package static func seeded(_ seed: UInt64) -> RandomSource {
        RandomSource(seed: seed)
    }

    package mutating func next() -> UInt64 {
        guard let state = seed else {
            return Sodium.randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
        let advanced = state &+ 0x9E37_79B9_7F4A_7C15
        seed = advanced
        var mixed = advanced
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Returns a random session id for which `isTaken` returns false.
    package mutating func sessionID(unless isTaken: (SessionID) -> Bool) -> SessionID {
        while true {
            if let session = SessionID(rawValue: next()), !isTaken(session) { return session }
        }
    }

    /// Returns 32 random secret bytes.
    package mutating func secret() -> Secret32 {
        seed == nil ? .random() : Secret32(bytes32())
    }

    package mutating func bytes32() -> Bytes32 {
        var bytes: [UInt8] = []
        for _ in 0..<4 { bytes.append(bigEndian: next()) }
        return Bytes32(bytes.span)
    }

    package mutating func bytes16() -> Bytes16 {
        var bytes: [UInt8] = []
        for _ in 0..<2 { bytes.append(bigEndian: next()) }
        return Bytes16(bytes.span)
    }

    /// Returns `duration` plus a random time of less than a quarter of `duration`.
    package mutating func jittered(_ duration: Duration) -> Duration {
        duration + .nanoseconds(Int64(next() % UInt64(max(duration.wholeNanoseconds / 4, 1))))
    }
}
