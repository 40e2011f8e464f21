internal import SecureMesh
internal import Synchronization

/// A clock of a process that does not change when somebody sets the host's clock.
///
/// All stored times are read from this clock, so ages and time limits stay correct. Answers contain times of the host's
/// clock: times of this clock plus `correction`.
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
    ///   - elapsed: Returns the time since the start, which never decreases.
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
            // Without the tolerance, the same time could be reported differently twice, because the two clocks are not
            // read at the same moment.
            if abs(found - known) > Self.tolerance { known = found }
            return known
        }
    }

    /// Converts a time of this clock to the host's clock.
    package func onHost(_ time: Timestamp) -> Timestamp { time.moved(by: correction) }

    /// The tolerance in milliseconds. NTP sets the clock only if it is wrong by more than 128 ms. It corrects a smaller
    /// error by changing the clock's rate, which both clocks follow.
    private static let tolerance: Int64 = 100
}
