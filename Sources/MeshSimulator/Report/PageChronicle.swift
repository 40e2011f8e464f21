internal import SecureMesh

/// What happened, in words: for who wants to search, or cannot see the picture.
extension Page {
    var chronicle: Markup {
        let notable = recording.events.filter(\.isNotable)
        let chosen = notable.count <= Self.mostRows ? notable : notable.filter { $0.peer == nil }
        let shown = chosen.prefix(Self.mostRows)
        guard !shown.isEmpty else { return "" }
        let rows: [Markup] = shown.map { event in
            let who = event.peer.map { peer in
                recording.names.indices.contains(peer) ? recording.names[peer].description : "peer \(peer)"
            }
            return """
                <tr><td>\(Figures.moment(event.at))</td><th scope="row">\(who ?? event.what.subject)</th>\
                <td>\(event.what.words)</td></tr>

                """
        }
        let missing = notable.count - shown.count
        let rest: Markup =
            missing == 0
            ? ""
            : "<p class=\"note\">and \(Figures.count(missing, "more that is", "more that are")) not listed</p>"
        return """
            <section>
            <details>
            <summary><h2>Chronicle</h2> <span class="note">\(Figures.count(shown.count, "event", "events"))</span></summary>
            <table class="chronicle"><thead><tr><th scope="col">time</th><th scope="col">who</th>\
            <th scope="col">what</th></tr></thead><tbody>
            \(rows)</tbody></table>
            \(rest)
            </details>
            </section>
            """
    }

    private static let mostRows = 400
}

extension Recording.Event {
    /// More than coming and going.
    fileprivate var isNotable: Bool {
        switch what {
        case .started, .joined, .leaving, .left(.left), .left(.stopping): false
        case .left(.replaced), .left(.expired), .left(.revoked), .left(.misbehaved), .left(.tooOld), .crashed,
            .restarted,
            .paused, .resumed, .revoked, .authorised, .clockJumped, .serverCrashed, .serverStarted, .serverStopping,
            .serverPaused, .serverResumed, .partitioned, .rejoined, .networkChanged, .attackBegan, .attackEnded,
            .healing, .converged:
            true
        }
    }
}
