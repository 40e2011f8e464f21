/// A reading of the monotonic clock of one process, in nanoseconds. It is never sent to another process.
///
/// Sums and differences saturate: a result beyond the range becomes the earliest or the latest instant. If it wrapped
/// around instead, a timer might never fire.
package struct Instant: Hashable, Comparable, Sendable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    package static func + (instant: Instant, duration: Duration) -> Instant {
        instant.advanced(nanoseconds: duration.wholeNanoseconds)
    }

    package static func - (instant: Instant, duration: Duration) -> Instant {
        Instant(nanoseconds: instant.nanoseconds.saturatingSubtract(duration.wholeNanoseconds))
    }

    package static func - (later: Instant, earlier: Instant) -> Duration {
        .nanoseconds(later.nanoseconds.saturatingSubtract(earlier.nanoseconds))
    }

    /// Returns the instant `nanoseconds` after this one; before this one if the number is negative.
    package func advanced(nanoseconds: Int64) -> Instant {
        Instant(nanoseconds: self.nanoseconds.saturatingAdd(nanoseconds))
    }

    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Returns the earliest of the instants that are not nil; nil if all of them are nil.
    package static func earliest(_ instants: [Instant?]) -> Instant? { instants.reduce(nil, earlier) }

    /// Returns the earlier of the two instants. If one of them is nil, returns the other one.
    ///
    /// A peer compares a dozen instants after every datagram. An array of them for `earliest` would be allocated and
    /// freed each time.
    @inline(__always)
    package static func earlier(_ one: Instant?, _ other: Instant?) -> Instant? {
        guard let one else { return other }
        guard let other else { return one }
        return min(one, other)
    }
}

extension Duration {
    /// The duration in whole nanoseconds. Durations beyond 292 years become the largest or smallest `Int64`.
    package var wholeNanoseconds: Int64 {
        // 64 bits of attoseconds are 9 s, and dividing them is far cheaper than dividing 128 bits.
        if let attoseconds = Int64(exactly: attoseconds) { return attoseconds / 1_000_000_000 }
        return Int64(clamping: attoseconds / 1_000_000_000)
    }
}

extension Int64 {
    fileprivate func saturatingAdd(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    fileprivate func saturatingSubtract(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
