/// Where a machine's dice come from: the operating system, or a seed that makes a run repeatable.
package struct RandomSource: RandomNumberGenerator, Sendable {
    private var seed: UInt64?

    /// libsodium's generator: what runs for real uses this one.
    package static let system = RandomSource(seed: nil)

    /// SplitMix64 from `seed`: predictable, for tests and simulations alone.
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

    /// Never 0 and none of those that `isTaken` knows.
    package mutating func sessionID(unless isTaken: (SessionID) -> Bool) -> SessionID {
        while true {
            if let session = SessionID(rawValue: next()), !isTaken(session) { return session }
        }
    }

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

    /// `duration`, longer by a random part of at most a quarter.
    package mutating func jittered(_ duration: Duration) -> Duration {
        duration + .nanoseconds(Int64(next() % UInt64(max(duration.wholeNanoseconds / 4, 1))))
    }
}
