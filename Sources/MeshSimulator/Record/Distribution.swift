internal import SecureMeshCore

/// A histogram of durations. The width of a bucket is 1 ns, or at most 1/32 of any duration in the bucket. So millions
/// of samples take little memory, and quantiles are exact to 3 %.
package struct Distribution: Hashable, Sendable {
    private var buckets: [UInt64] = []
    private(set) package var count: UInt64 = 0
    private var sum: Double = 0
    private(set) package var minimum = Duration.zero
    private(set) package var maximum = Duration.zero

    package init() {}

    package mutating func add(_ duration: Duration) {
        let nanoseconds = UInt64(max(duration.wholeNanoseconds, 0))
        let index = Self.bucket(of: nanoseconds)
        if index >= buckets.count { buckets.append(contentsOf: repeatElement(0, count: index + 1 - buckets.count)) }
        buckets[index] += 1
        minimum = count == 0 ? duration : min(minimum, duration)
        maximum = max(maximum, duration)
        count += 1
        sum += Double(nanoseconds)
    }

    package mutating func add(_ other: Distribution) {
        guard other.count > 0 else { return }
        buckets.append(contentsOf: repeatElement(0, count: max(other.buckets.count - buckets.count, 0)))
        for (index, more) in other.buckets.enumerated() { buckets[index] += more }
        minimum = count == 0 ? other.minimum : min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
        count += other.count
        sum += other.sum
    }

    package var mean: Duration { count == 0 ? .zero : .nanoseconds(Int64(sum / Double(count))) }

    /// Returns the shortest duration that at least `fraction` (0 to 1) of the samples do not exceed, exact to the width
    /// of a bucket. Returns zero if there are no samples.
    package func quantile(_ fraction: Double) -> Duration {
        guard count > 0 else { return .zero }
        let exact = fraction * Double(count)
        let rank = max(Double(UInt64(exact)) < exact ? UInt64(exact) + 1 : UInt64(exact), 1)
        var seen: UInt64 = 0
        for (index, here) in buckets.enumerated() {
            seen += here
            if seen >= rank {
                return min(max(.nanoseconds(Int64(Self.range(of: index).upperBound - 1)), minimum), maximum)
            }
        }
        return maximum
    }

    /// The buckets that contain samples, in ascending order: for each bucket, its range in nanoseconds and the number
    /// of its samples.
    package var nonEmpty: [(range: Range<UInt64>, count: UInt64)] {
        buckets.enumerated().filter { $0.element > 0 }.map { (Self.range(of: $0.offset), $0.element) }
    }

    /// Returns the index of the bucket for a value. Each value below 32 has its own bucket. From 32 on, there are 32
    /// buckets between a power of two and the next power of two.
    private static func bucket(of value: UInt64) -> Int {
        guard value >= 32 else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - 5
        return (shift + 1) * 32 + Int(value >> UInt64(shift)) - 32
    }

    private static func range(of index: Int) -> Range<UInt64> {
        guard index >= 32 else { return UInt64(index)..<UInt64(index + 1) }
        let shift = UInt64(index / 32 - 1)
        let start = UInt64(index % 32 + 32) << shift
        return start..<start + 1 << shift
    }
}
