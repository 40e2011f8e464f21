internal import MeshSimulator
internal import SecureMeshCore

/// The notable events as a table, for searching and for screen readers.
extension Page {
    var chronicle: Markup {
        let all = Happening.all(recording.events)
        let chosen = all.count <= Self.mostRows ? all : all.filter { $0.peers.isEmpty }
        let shown = chosen.prefix(Self.mostRows)
        guard !shown.isEmpty else { return "" }
        let rows: [Markup] = shown.map(row)
        let count = shown.reduce(0) { $0 + $1.count }
        let missing = all.reduce(0) { $0 + $1.count } - count
        let rest: Markup =
            missing == 0
            ? ""
            : "<p class=\"note\">and \(Figures.count(missing, "event", "events")) more</p>"
        return """
            <section>
            <details>
            <summary><h2>Chronicle</h2> <span class="note">\(Figures.count(count, "event", "events"))</span></summary>
            <table class="chronicle"><thead><tr><th scope="col">time</th><th scope="col">who</th>\
            <th scope="col">what</th></tr></thead><tbody>
            \(rows)</tbody></table>
            \(rest)
            </details>
            </section>
            """
    }

    private func row(_ happening: Happening) -> Markup {
        let names = happening.peers.sorted().prefix(Self.mostNames).map { peer in
            recording.names.indices.contains(peer) ? recording.names[peer].description : "peer \(peer)"
        }
        let who =
            switch happening.peers.count {
            case 0: happening.what.subject
            case 1: names.joined()
            default: Figures.count(happening.peers.count, "peer", "peers")
            }
        let more = happening.peers.count > names.count ? ", …" : ""
        let list: Markup =
            happening.peers.count > 1 ? " <span class=\"note\">(\(names.joined(separator: ", "))\(more))</span>" : ""
        return """
            <tr><td>\(Figures.moment(happening.at))</td><th scope="row">\(who)</th>\
            <td>\(happening.what.summary)\(list)</td></tr>

            """
    }

    private static let mostRows = 400
    private static let mostNames = 40
}

/// An event, or equal events of several peers at the same time.
private struct Happening {
    let at: Duration
    let what: Recording.Event.What
    /// The peers that the event concerns; empty for an event of the server, the network or an attacker.
    private(set) var peers: [Int]

    var count: Int { max(peers.count, 1) }

    /// Returns the notable events in the order of time. Equal events of several peers at the same time are one element.
    static func all(_ events: [Recording.Event]) -> [Happening] {
        var happenings: [Happening] = []
        var latest: [String: Int] = [:]
        let inOrder = events.enumerated().filter { $0.element.isNotable }
            .sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
        for (_, event) in inOrder {
            if let peer = event.peer, let index = latest[event.what.summary], happenings[index].at == event.at {
                happenings[index].peers.append(peer)
            } else {
                if event.peer != nil { latest[event.what.summary] = happenings.count }
                happenings.append(
                    Happening(at: event.at, what: event.what, peers: [event.peer].compactMap(\.self)))
            }
        }
        return happenings
    }
}

extension Recording.Event {
    /// True unless the event is an ordinary start, join or departure.
    fileprivate var isNotable: Bool {
        switch what {
        case .started, .joined, .leaving, .left(.left), .left(.stopping): false
        case .left(.replaced), .left(.expired), .left(.revoked), .left(.misbehaved), .left(.tooOld), .crashed,
            .restarted,
            .paused, .resumed, .revoked, .authorized, .clockJumped, .serverCrashed, .serverStarted, .serverStopping,
            .serverPaused, .serverResumed, .partitioned, .rejoined, .networkChanged, .attackBegan, .attackEnded,
            .healing, .converged:
            true
        }
    }
}
