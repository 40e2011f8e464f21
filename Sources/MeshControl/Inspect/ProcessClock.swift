internal import SecureMesh
internal import Synchronization

/// A clock of one process. Setting the host's clock does not change this clock.
///
/// All times that the process stores are times of this clock, so ages and time limits stay correct. Answers to commands
/// contain times of the host's clock: times of this clock plus `correction`.
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
    ///   - elapsed: Returns the time since this clock was made, which never decreases.
    package init(host: @escaping @Sendable () -> Timestamp, elapsed: @escaping @Sendable () -> Duration) {
        start = host()
        self.host = host
        self.elapsed = elapsed
    }

    /// The host's time when this clock was made, plus the time since then.
    package var now: Timestamp { start.moved(by: elapsed().wholeNanoseconds / 1_000_000) }

    /// The milliseconds by which the host's clock was set forward since this clock was made; negative if it was set
    /// back.
    package var correction: Int64 {
        let found = host().milliseconds - now.milliseconds
        return known.withLock { known in
            // Without the tolerance, two answers could show the same time differently, because the two clocks are not
            // read at the same moment.
            if abs(found - known) > Self.tolerance { known = found }
            return known
        }
    }

    /// Converts a time of this clock to the host's clock.
    package func onHost(_ time: Timestamp) -> Timestamp { time.moved(by: correction) }

    /// The tolerance of `correction`, in milliseconds. `correction` stays the same until the difference between the
    /// host's clock and this clock has changed by more than this number.
    ///
    /// The tolerance hides no step of NTP, because NTP sets a clock only if its error is above 128 ms. NTP corrects a
    /// smaller error by changing the rate of the clock, and this clock follows that rate too.
    private static let tolerance: Int64 = 100
}
