package import MeshSimulator
internal import SecureMeshCore

/// The last events before a world failed. To find them, the world is run again.
package enum Story {
    /// Returns lines to print: the last events of the peers that the failure concerns, in the order of time, and then
    /// the failure. Returns no lines if nothing failed.
    package static func of(_ scenario: Scenario, _ outcome: Outcome) -> [String] {
        guard let failure = outcome.failure else { return [] }
        var last: [String] = []
        let isAboutAll = failure.peers.isEmpty
        let world = World(scenario) { now, peers, what in
            guard isAboutAll || peers.isEmpty || peers.contains(where: failure.peers.contains) else { return }
            if last.count == length { last.removeFirst() }
            let who = peers.map(String.init).joined(separator: ",")
            last.append(
                "  \(Figures.moment(now.sinceBeginning, decimals: 6))  \(who.isEmpty ? "-" : "peer \(who)"): \(what)")
        }
        _ = world.run()
        let who = failure.peers.map { "peer \($0)" }.joined(separator: " and ")
        return ["the last that happened\(who.isEmpty ? "" : " to \(who)"):"] + last
            + ["  \(Figures.moment(failure.at.sinceBeginning, decimals: 6))  \(failure.reason)"]
    }

    /// The largest number of events in a story.
    private static let length = 60
}
