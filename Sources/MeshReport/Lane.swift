internal import MeshSimulator
internal import SecureMeshCore

/// The history of one peer.
struct Lane {
    struct Mark {
        enum Sign: Hashable {
            case departed(Departure)
            case crashed, restarted, revoked, authorized, clockJumped
        }

        let at: Duration
        let sign: Sign
        /// A phrase for the event that the mark shows.
        let summary: String

        var gravity: Int {
            switch sign {
            case .departed(.misbehaved), .departed(.revoked): 8
            case .crashed: 5
            case .departed(.expired), .departed(.replaced), .departed(.tooOld): 4
            case .revoked, .authorized, .clockJumped: 3
            case .restarted: 2
            case .departed(.left): 1
            case .departed(.stopping): 0
            }
        }
    }

    let peer: Int
    let name: String
    /// The spans in which the server listed the peer as a member.
    let listed: [TimeSpan]
    /// The spans in which the peer's process ran.
    let running: [TimeSpan]
    let paused: [TimeSpan]
    /// The marks, in the order of time.
    let marks: [Mark]

    /// The spans in which the peer was a member and its process ran.
    var present: [TimeSpan] { listed.intersection(running) }
    /// The spans in which the server still listed the peer although its process had ended.
    var missing: [TimeSpan] { listed.subtracting(running) }
    /// The spans in which the peer's process ran and the peer was not a member.
    var outside: [TimeSpan] { running.subtracting(listed) }

    /// The number of notable events, weighted by importance. If there is room for only a few lanes, the lanes with the
    /// largest weight are drawn.
    var weight: Int {
        marks.reduce(paused.count * 3 + listed.count) { $0 + $1.gravity }
    }

    static func all(_ recording: Recording, events: [Recording.Event], until end: Duration) -> [Lane] {
        var builders = recording.names.map { LaneBuilder(name: $0.description) }
        for stay in recording.stays where builders.indices.contains(stay.peer) {
            builders[stay.peer].add(stay, until: end)
        }
        for event in events {
            guard let peer = event.peer, builders.indices.contains(peer) else { continue }
            builders[peer].add(event)
        }
        if recording.omittedEvents > 0, let last = events.last?.at {
            for peer in builders.indices { builders[peer].believe(from: last) }
        }
        return builders.enumerated().map { peer, builder in builder.lane(peer, until: end) }
    }
}

private struct LaneBuilder {
    let name: String
    private var listed: [TimeSpan] = []
    private var running = SpanBuilder()
    private var paused = SpanBuilder()
    private var marks: [Lane.Mark] = []
    private var hasStarted = false
    private var believedFrom: Duration?

    init(name: String) { self.name = name }

    mutating func add(_ stay: Recording.Stay, until end: Duration) {
        listed.append(TimeSpan(from: stay.from, to: stay.to ?? end))
        if let to = stay.to, let departure = stay.departure {
            mark(to, .departed(departure), departure.summary)
        }
    }

    mutating func add(_ event: Recording.Event) {
        switch event.what {
        case .started, .restarted:
            hasStarted = true
            running.begin(at: event.at)
            if case .restarted = event.what { mark(event.at, .restarted, event.what.summary) }
        case .joined:
            // If the first event of a peer is a join, its process was running before the recording began. Any later
            // join does not prove that the process runs: it may have ended while its CONFIRM was under way.
            if !hasStarted { running.begin(at: event.at) }
            hasStarted = true
        case .crashed:
            stop(at: event.at)
            mark(event.at, .crashed, event.what.summary)
        case .leaving: stop(at: event.at)
        case .paused: paused.begin(at: event.at)
        case .resumed: paused.end(at: event.at)
        case .revoked: mark(event.at, .revoked, event.what.summary)
        case .authorized: mark(event.at, .authorized, event.what.summary)
        case .clockJumped: mark(event.at, .clockJumped, event.what.summary)
        // Departures are read from the stays.
        case .left, .serverCrashed, .serverStarted, .serverStopping, .serverPaused, .serverResumed, .partitioned,
            .rejoined, .networkChanged, .attackBegan, .attackEnded, .healing, .converged:
            break
        }
    }

    /// Counts the peer as running while it is a member, beginning at `from`. The events after `from` were not kept, so
    /// they cannot show when the process ran.
    mutating func believe(from: Duration) { believedFrom = from }

    func lane(_ peer: Int, until end: Duration) -> Lane {
        var (running, paused) = (running, paused)
        running.end(at: end)
        paused.end(at: end)
        let listed = listed.filter { $0.from < $0.to }.merged()
        let believed = believedFrom.map { listed.intersection([TimeSpan(from: $0, to: max(end, $0))]) } ?? []
        return Lane(
            peer: peer, name: name, listed: listed, running: (running.spans + believed).merged(),
            paused: paused.spans,
            marks: marks.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element))
    }

    private mutating func stop(at: Duration) {
        hasStarted = true
        paused.end(at: at)
        running.end(at: at)
    }

    private mutating func mark(_ at: Duration, _ sign: Lane.Mark.Sign, _ summary: String) {
        marks.append(Lane.Mark(at: at, sign: sign, summary: summary))
    }
}
