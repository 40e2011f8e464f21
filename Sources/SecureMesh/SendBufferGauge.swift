internal import NIOCore

/// The use of a socket's send buffer. Reading it costs a system call, so between two readings an upper bound is used.
struct SendBufferGauge {
    /// The part of the buffer that may be in use when a datagram is sent.
    enum Share {
        case half
        /// A quarter of the buffer, and at most `Limits.answerBuffer`.
        case quarter
    }

    private let size: Int
    private var used = 0
    /// The time until which the use is not read again, after a reading that was too high.
    private var holdsUntil = NIODeadline.uptimeNanoseconds(0)

    /// - Parameter size: The size of the buffer, in bytes.
    init(size: Int) {
        self.size = size
    }

    /// Returns whether less than `share` of the buffer is in use.
    ///
    /// - Parameter read: Reads the number of bytes in use; nil if the system does not report it. Called only if the
    ///   estimate is too high, and at most once per millisecond while the buffer stays that full.
    mutating func isBelow(_ share: Share, now: @autoclosure () -> NIODeadline = .now(), read: () -> Int?) -> Bool {
        let limit =
            switch share {
            case .half: size / 2
            case .quarter: min(size / 4, Limits.answerBuffer)
            }
        if used < limit { return true }
        let now = now()
        guard now >= holdsUntil else { return false }
        used = read() ?? 0
        guard used >= limit else { return true }
        holdsUntil = now + .milliseconds(1)
        return false
    }

    /// Adds a sent datagram to the estimate, with more than its bytes: the kernel counts its own structures too, and
    /// rounds sizes up.
    mutating func charge(_ bytes: Int) {
        used += 2 * bytes + Self.overhead
    }

    private static let overhead = 1_024
}
