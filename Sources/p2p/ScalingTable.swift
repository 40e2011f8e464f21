internal import MeshReport
internal import MeshSimulator

/// The output of `p2p simulate --scaling`: the times, the traffic and the speed of meshes of several sizes, as three
/// tables in Markdown. The tables of the times and of the traffic are the same on every machine.
struct ScalingTable {
    private var times = [
        "| members | a newcomer may speak after | all know of it after | all know of a death after |",
        "|---:|---:|---:|---:|",
    ]
    private var costs = [
        "| members | at rest, per member and second | | a join | | a death | |",
        "|---:|---:|---:|---:|---:|---:|---:|",
        "| | datagrams | bytes | datagrams | bytes | datagrams | bytes |",
    ]
    private var speeds = ["| members | datagrams simulated | per CPU second |", "|---:|---:|---:|"]

    /// Simulates a mesh of each size, and prints the tables.
    ///
    /// - Returns: False if a mesh did not finish. In this case, nothing is printed.
    static func print(_ sizes: [Int], seed: UInt64) -> Bool {
        var table = ScalingTable()
        let progress = ProgressLine()
        for members in sizes {
            let start = CPUTime.now
            let played = Scaling.play(members, seed: seed) { progress.show(members: $0, of: members) }
            progress.end()
            guard let scaling = played else { return false }
            table.add(scaling, seconds: CPUTime.now - start)
        }
        Console.result(
            [table.times, table.costs, table.speeds].map { $0.joined(separator: "\n") }.joined(separator: "\n\n"))
        return true
    }

    private mutating func add(_ scaling: Scaling, seconds: Double) {
        let members = Figures.count(scaling.members)
        let memberSeconds = Double(scaling.members) * (Scaling.quiet / .seconds(1))
        times.append(
            "| \(members) | \(scaling.join.seconds) | \(scaling.joinKnown.seconds) | \(scaling.deathKnown.seconds) |")
        costs.append(
            "| \(members) | \(Figures.decimal(Double(scaling.idle.datagrams) / memberSeconds, places: 1)) "
                + "| \(Figures.decimal(Double(scaling.idle.bytes) / memberSeconds, places: 0)) "
                + "| \(Figures.count(scaling.joinCost.datagrams)) | \(Figures.count(scaling.joinCost.bytes)) "
                + "| \(Figures.count(scaling.deathCost.datagrams)) | \(Figures.count(scaling.deathCost.bytes)) |")
        speeds.append(
            "| \(members) | \(Figures.count(scaling.datagrams)) "
                + "| \(Figures.count(CPUTime.rate(of: scaling.datagrams, seconds: seconds))) |")
    }
}

extension Duration {
    fileprivate var seconds: String { Figures.decimal(self / .seconds(1), places: 2) + " s" }
}
