internal import SecureMeshCore

/// One peer through the run.
struct Lane {
    struct Mark {
        enum Sign: Hashable {
            case departed(Departure)
            case crashed, restarted, revoked, authorised, clockJumped
        }

        let at: Duration
        let sign: Sign
        /// What happened, in words.
        let words: String

        var gravity: Int {
            switch sign {
            case .departed(.misbehaved), .departed(.revoked): 8
            case .crashed: 5
            case .departed(.expired), .departed(.replaced), .departed(.tooOld): 4
            case .revoked, .authorised, .clockJumped: 3
            case .restarted: 2
            case .departed(.left): 1
            case .departed(.stopping): 0
            }
        }
    }

    let peer: Int
    let name: String
    /// The server had it as a member.
    let listed: [TimeSpan]
    /// Its process ran.
    let running: [TimeSpan]
    let paused: [TimeSpan]
    /// Ascending.
    let marks: [Mark]

    /// A member, and there.
    var present: [TimeSpan] { listed.intersection(running) }
    /// A member whose process is gone, unnoticed so far.
    var missing: [TimeSpan] { listed.subtracting(running) }
    /// Running, and no member.
    var outside: [TimeSpan] { running.subtracting(listed) }

    /// How much there is to see: who is to be shown where there is room for a few.
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
            mark(to, .departed(departure), departure.words)
        }
    }

    mutating func add(_ event: Recording.Event) {
        switch event.what {
        case .started, .restarted:
            hasStarted = true
            running.begin(at: event.at)
            if case .restarted = event.what { mark(event.at, .restarted, event.what.words) }
        case .joined:
            // Who was never seen to start was there before the record. Later on it is the server's word alone: the
            // process may have ended while its CONFIRM was on the way.
            if !hasStarted { running.begin(at: event.at) }
            hasStarted = true
        case .crashed:
            stop(at: event.at)
            mark(event.at, .crashed, event.what.words)
        case .leaving: stop(at: event.at)
        case .paused: paused.begin(at: event.at)
        case .resumed: paused.end(at: event.at)
        case .revoked: mark(event.at, .revoked, event.what.words)
        case .authorised: mark(event.at, .authorised, event.what.words)
        case .clockJumped: mark(event.at, .clockJumped, event.what.words)
        // Departures are the stays'.
        case .left, .serverCrashed, .serverStarted, .serverStopping, .serverPaused, .serverResumed, .partitioned,
            .rejoined, .networkChanged, .attackBegan, .attackEnded, .healing, .converged:
            break
        }
    }

    /// From here on no events were kept: who is a member counts as running.
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

    private mutating func mark(_ at: Duration, _ sign: Lane.Mark.Sign, _ words: String) {
        marks.append(Lane.Mark(at: at, sign: sign, words: words))
    }
}
