internal import MeshReport

/// The CPU time of this process, and the number of datagrams that it simulated per second of CPU time.
enum CPUTime {
    /// The CPU time since the start of the process, in seconds.
    static var now: Double { FileSystem.processorTime / .seconds(1) }

    /// Returns the number of datagrams per second of CPU time, rounded down to a multiple of 1,000.
    static func rate(of datagrams: Int, seconds: Double) -> Int {
        Int(Double(datagrams) / max(seconds, 0.001)) / 1_000 * 1_000
    }

    /// Returns a phrase like `251,251 datagrams in 1.16 s of CPU time: 216,000 per second`. scripts/bench reads this
    /// phrase.
    static func summary(of datagrams: Int, since start: Double) -> String {
        let seconds = now - start
        return "\(Figures.count(datagrams)) datagrams in \(Figures.decimal(seconds, places: 2)) s of CPU time: "
            + "\(Figures.count(rate(of: datagrams, seconds: seconds))) per second"
    }
}
