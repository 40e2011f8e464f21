package import SecureMeshCore

extension RandomSource {
    /// Returns a random number from 0 to `limit` - 1. `limit` must be above 0.
    package mutating func below(_ limit: Int) -> Int {
        Int(next() % UInt64(limit))
    }

    package mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }

    package mutating func signingKey() -> SigningKey { SigningKey(seed: bytes32().array.span) }

    package mutating func element<Element>(of choices: [Element]) -> Element {
        choices[below(choices.count)]
    }

    /// Returns a random duration in `range`, uniformly distributed over the whole numbers of nanoseconds.
    package mutating func duration(in range: ClosedRange<Duration>) -> Duration {
        let width = (range.upperBound - range.lowerBound).wholeNanoseconds
        return range.lowerBound + .nanoseconds(Int64(below(Int(width) + 1)))
    }

    /// Returns true with a probability of `percent` %.
    package mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
}
