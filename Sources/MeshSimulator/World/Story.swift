internal import SecureMeshCore

/// Why a world failed: the last that happened among the peers involved, found by playing it once more.
package struct Story {
    /// Lines to print, the newest last.
    package static func of(_ scenario: Scenario, _ outcome: Outcome) -> [String] {
        guard let failure = outcome.failure else { return [] }
        var last: [String] = []
        let isAboutAll = failure.peers.isEmpty
        let world = World(scenario) { now, peers, what in
            guard isAboutAll || peers.isEmpty || peers.contains(where: failure.peers.contains) else { return }
            if last.count == length { last.removeFirst() }
            let who = peers.map(String.init).joined(separator: ",")
            last.append("  \(now.sinceBeginning.inSeconds)  \(who.isEmpty ? "-" : "peer \(who)"): \(what)")
        }
        _ = world.run()
        let who = failure.peers.map { "peer \($0)" }.joined(separator: " and ")
        return ["the last that happened\(who.isEmpty ? "" : " to \(who)"):"] + last
            + ["  \(failure.at.sinceBeginning.inSeconds)  \(failure.reason)"]
    }

    private static let length = 60
}

extension Duration {
    /// `12.345678 s`.
    var inSeconds: String {
        let microseconds = wholeNanoseconds / 1_000
        let fraction = String(microseconds % 1_000_000)
        return "\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction) s"
    }
}
