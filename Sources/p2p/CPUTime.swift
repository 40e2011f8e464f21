/// The CPU time of this process, and what it did in it.
enum CPUTime {
    /// The CPU time since the start of the process, in seconds.
    static var now: Double { FileSystem.processorTime / .seconds(1) }

    /// Returns the number of datagrams per second, in whole thousands.
    static func rate(of datagrams: Int, seconds: Double) -> Int {
        Int(Double(datagrams) / max(seconds, 0.001)) / 1_000 * 1_000
    }

    /// Returns a phrase like `251,251 datagrams in 1.16 s of CPU time: 216,000 per second`, which scripts/bench reads.
    static func summary(of datagrams: Int, since start: Double) -> String {
        let seconds = now - start
        return "\(datagrams.grouped) datagrams in \(seconds.formatted(decimals: 2)) s of CPU time: "
            + "\(rate(of: datagrams, seconds: seconds).grouped) per second"
    }
}

extension Double {
    /// Returns a number that is not negative with one or two decimals: `12.3`.
    func formatted(decimals: Int) -> String {
        let unit = decimals == 1 ? 10 : 100
        let units = Int((self * Double(unit)).rounded())
        return "\(units / unit).\(String(units % unit + unit).dropFirst())"
    }
}

extension Int {
    /// The digits in groups of three: `12,345`.
    var grouped: String {
        let digits = String(self)
        return digits.enumerated().reduce("") { text, digit in
            let isFirst = digit.offset == 0 || (digits.count - digit.offset) % 3 != 0
            return text + (isFirst ? "" : ",") + String(digit.element)
        }
    }
}
