internal import NIOCore

/// An estimate of the number of bytes in use in a socket's send buffer. Reading the exact number costs a system call,
/// so between two readings the gauge computes an upper bound.
struct SendBufferGauge {
    /// The part of the buffer that may be in use when a datagram is sent.
    enum Share {
        case half
        /// A quarter of the buffer, but at most `Limits.answerBuffer`.
        case quarter
    }

    private let size: Int
    private var used = 0
    /// The time until which the use is not read again, because the last reading was not below the limit.
    private var holdsUntil = NIODeadline.uptimeNanoseconds(0)

    /// - Parameter size: The size of the buffer, in bytes.
    init(size: Int) {
        self.size = size
    }

    /// Returns true if less than `share` of the buffer is in use.
    ///
    /// - Parameters:
    ///   - pending: The sum of `use(of:)` of the datagrams that are about to be sent. It counts as used.
    ///   - read: Returns the number of bytes in use. If the system does not report the number, returns nil, which
    ///     counts as 0. `read` is called only if the estimate is not below `share`. If the returned number is not below
    ///     `share` either, `read` is not called again for 1 ms.
    mutating func isBelow(
        _ share: Share, pending: Int = 0, now: @autoclosure () -> NIODeadline = .now(), read: () -> Int?
    ) -> Bool {
        let limit = limit(of: share)
        if used + pending < limit { return true }
        let now = now()
        guard now >= holdsUntil else { return false }
        used = read() ?? 0
        guard used + pending >= limit else { return true }
        holdsUntil = now + .milliseconds(1)
        return false
    }

    /// Returns a lower bound of the number of bytes that may still be used before `share` is reached; negative if the
    /// estimate is above `share`.
    func room(below share: Share) -> Int { limit(of: share) - used }

    private func limit(of share: Share) -> Int {
        switch share {
        case .half: size / 2
        case .quarter: min(size / 4, Limits.answerBuffer)
        }
    }

    /// Adds sent datagrams to the estimate.
    ///
    /// - Parameter use: The sum of `use(of:)` of the datagrams, in bytes.
    mutating func charge(use: Int) {
        used += use
    }

    /// An upper bound of the number of bytes that a datagram of `bytes` bytes uses. It is larger than the size of the
    /// datagram, because the kernel also counts its own structures and rounds sizes up.
    static func use(of bytes: Int) -> Int { 2 * bytes + overhead }

    private static let overhead = 1_024
}
