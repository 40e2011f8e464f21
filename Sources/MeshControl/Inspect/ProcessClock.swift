internal import SecureMesh
internal import Synchronization

/// A clock of a process that no setting of the host's clock changes.
///
/// Times that are kept are read from this clock, so ages and bounds stay right. An answer has the times of the host's
/// clock: those of this clock, moved by `correction`.
package final class ProcessClock: Sendable {
    private let start: Timestamp
    private let host: @Sendable () -> Timestamp
    private let elapsed: @Sendable () -> Duration
    private let known = Mutex<Int64>(0)

    package convenience init() {
        let start = ContinuousClock.now
        self.init(host: { .now }, elapsed: { ContinuousClock.now - start })
    }

    /// - Parameters:
    ///   - host: Returns the time of the host's clock, which can be set.
    ///   - elapsed: Returns the time since the start, which only grows.
    package init(host: @escaping @Sendable () -> Timestamp, elapsed: @escaping @Sendable () -> Duration) {
        start = host()
        self.host = host
        self.elapsed = elapsed
    }

    /// The host's time at the start, plus the time since then.
    package var now: Timestamp { start.moved(by: elapsed().wholeNanoseconds / 1_000_000) }

    /// The milliseconds by which the host's clock was set forward since the start; negative if it was set back.
    package var correction: Int64 {
        let found = host().milliseconds - now.milliseconds
        return known.withLock { known in
            // A time that is asked for twice must not differ because two clocks are read one after the other.
            if abs(found - known) > Self.tolerance { known = found }
            return known
        }
    }

    /// Converts a time of this clock to the host's clock.
    package func onHost(_ time: Timestamp) -> Timestamp { time.moved(by: correction) }

    /// NTP sets the clock only for an offset of more than 128 ms. It corrects a smaller one by changing the clock's
    /// rate, which both clocks follow.
    private static let tolerance: Int64 = 100
}
