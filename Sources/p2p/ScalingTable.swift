internal import MeshSimulator

/// `p2p simulate --scaling`: meshes of several sizes in three tables, in Markdown. The first two are the same on every
/// machine.
struct ScalingTable {
    private var times = [
        "| members | a newcomer may speak after | all know of it after | all know of a death after |",
        "|---:|---:|---:|---:|",
    ]
    private var costs = [
        "| members | at rest, a member and second | | a join | | a death | |",
        "|---:|---:|---:|---:|---:|---:|---:|",
        "| | datagrams | bytes | datagrams | bytes | datagrams | bytes |",
    ]
    private var speeds = ["| members | datagrams simulated | a CPU second |", "|---:|---:|---:|"]

    /// False if a mesh did not come to its end.
    static func print(_ sizes: [Int], seed: UInt64) -> Bool {
        var table = ScalingTable()
        let ticker = Ticker()
        for members in sizes {
            let begun = CPUTime.now
            let played = Scaling.play(members, seed: seed) { ticker.show(members: $0, of: members) }
            ticker.end()
            guard let scaling = played else { return false }
            table.add(scaling, seconds: CPUTime.now - begun)
        }
        Console.result(
            [table.times, table.costs, table.speeds].map { $0.joined(separator: "\n") }.joined(separator: "\n\n"))
        return true
    }

    private mutating func add(_ scaling: Scaling, seconds: Double) {
        let members = scaling.members.grouped
        let rest = Double(scaling.members) * (Scaling.quiet / .seconds(1))
        times.append("| \(members) | \(scaling.join.told) | \(scaling.joinKnown.told) | \(scaling.deathKnown.told) |")
        costs.append(
            "| \(members) | \((Double(scaling.idle.datagrams) / rest).formatted(decimals: 1)) "
                + "| \(Int((Double(scaling.idle.bytes) / rest).rounded()).grouped) "
                + "| \(scaling.joinCost.datagrams.grouped) | \(scaling.joinCost.bytes.grouped) "
                + "| \(scaling.deathCost.datagrams.grouped) | \(scaling.deathCost.bytes.grouped) |")
        speeds.append(
            "| \(members) | \(scaling.datagrams.grouped) "
                + "| \(CPUTime.rate(of: scaling.datagrams, seconds: seconds).grouped) |")
    }
}

/// What this process has used of a core.
enum CPUTime {
    /// In seconds.
    static var now: Double { FileSystem.processorTime / .seconds(1) }

    /// In whole thousands a second.
    static func rate(of datagrams: Int, seconds: Double) -> Int {
        Int(Double(datagrams) / max(seconds, 0.001)) / 1_000 * 1_000
    }

    /// `251,251 datagrams in 1.16 s of CPU time: 216,000 a second`.
    static func told(of datagrams: Int, since begun: Double) -> String {
        let seconds = now - begun
        return "\(datagrams.grouped) datagrams in \(seconds.formatted(decimals: 2)) s of CPU time: "
            + "\(rate(of: datagrams, seconds: seconds).grouped) a second"
    }
}

extension Duration {
    fileprivate var told: String { "\((self / .seconds(1)).formatted(decimals: 2)) s" }
}

extension Double {
    /// Returns the number, which is not negative, with one or two decimals: `12.3`.
    fileprivate func formatted(decimals: Int) -> String {
        let unit = decimals == 1 ? 10 : 100
        let units = Int((self * Double(unit)).rounded())
        return "\(units / unit).\(String(units % unit + unit).dropFirst())"
    }
}

extension Int {
    /// `12,345`.
    fileprivate var grouped: String {
        let digits = String(self)
        return digits.enumerated().reduce("") { text, digit in
            let isFirst = digit.offset == 0 || (digits.count - digit.offset) % 3 != 0
            return text + (isFirst ? "" : ",") + String(digit.element)
        }
    }
}
