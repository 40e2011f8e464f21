internal import MeshSimulator
internal import SecureMeshCore

/// Converts the events of a recording to the spans that the page draws.
struct History {
    /// A condition that lasted for one or several spans, such as a partition.
    struct Condition {
        let label: String
        var spans: [TimeSpan]
    }

    let duration: Duration
    private(set) var serverDown: [TimeSpan] = []
    private(set) var serverPaused: [TimeSpan] = []
    private(set) var partitions: [Condition] = []
    private(set) var attacks: [Condition] = []
    private(set) var networkChanges: [(at: Duration, what: String)] = []
    /// The span of the healing phase, which ends when the mesh is whole, or else with the recording; nil if no healing
    /// phase began.
    private(set) var healing: TimeSpan?
    /// One lane per peer, in the order of the peers' indices.
    private(set) var lanes: [Lane] = []

    init(_ recording: Recording) {
        let events = recording.events.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
            .map(\.element)
        duration = max(recording.duration, events.last?.at ?? .zero, .nanoseconds(1))
        readServer(events)
        readConditions(events)
        if let began = recording.healingBegan {
            healing = TimeSpan(from: began, to: recording.healedAfter.map { began + $0 } ?? duration)
        }
        lanes = Lane.all(recording, events: events, until: duration)
    }

    private mutating func readServer(_ events: [Recording.Event]) {
        var (down, paused) = (SpanBuilder(), SpanBuilder())
        var isFirst = true
        for event in events {
            switch event.what {
            case .serverStarted:
                // If the server's first event is a start after the beginning, the server was down until then.
                if isFirst { down.begin(at: .zero) }
                down.end(at: event.at)
                isFirst = false
            case .serverCrashed, .serverStopping:
                paused.end(at: event.at)
                down.begin(at: event.at)
                isFirst = false
            case .serverPaused: paused.begin(at: event.at)
            case .serverResumed: paused.end(at: event.at)
            case .started, .joined, .left, .crashed, .restarted, .paused, .resumed, .leaving, .revoked, .authorized,
                .clockJumped, .partitioned, .rejoined, .networkChanged, .attackBegan, .attackEnded, .healing,
                .converged:
                continue
            }
        }
        down.end(at: duration)
        paused.end(at: duration)
        (serverDown, serverPaused) = (down.spans, paused.spans)
    }

    private mutating func readConditions(_ events: [Recording.Event]) {
        var (parted, attacked) = (Conditions(), Conditions())
        for event in events {
            switch event.what {
            case .partitioned(let label): parted.begin(label, at: event.at)
            case .rejoined(let label):
                // The end of an unknown partition ends all partitions.
                if !parted.end(label, at: event.at) { parted.endAll(at: event.at) }
            case .attackBegan(let name): attacked.begin(name, at: event.at)
            case .attackEnded(let name): _ = attacked.end(name, at: event.at)
            case .networkChanged(let what): networkChanges.append((event.at, what))
            case .healing: parted.endAll(at: event.at)
            case .started, .joined, .left, .crashed, .restarted, .paused, .resumed, .leaving, .revoked, .authorized,
                .clockJumped, .serverCrashed, .serverStarted, .serverStopping, .serverPaused, .serverResumed,
                .converged:
                continue
            }
        }
        parted.endAll(at: duration)
        attacked.endAll(at: duration)
        (partitions, attacks) = (parted.conditions, attacked.conditions)
    }
}

/// Conditions by label, in the order in which they first began.
private struct Conditions {
    private var indices: [String: Int] = [:]
    private var entries: [(label: String, builder: SpanBuilder)] = []

    var conditions: [History.Condition] {
        entries.map { History.Condition(label: $0.label, spans: $0.builder.spans) }
    }

    mutating func begin(_ label: String, at: Duration) {
        let index = indices[label] ?? entries.count
        if index == entries.count {
            indices[label] = index
            entries.append((label, SpanBuilder()))
        }
        entries[index].builder.begin(at: at)
    }

    /// Ends the condition with this label. Returns false if the condition had not begun.
    mutating func end(_ label: String, at: Duration) -> Bool {
        guard let index = indices[label], entries[index].builder.since != nil else { return false }
        entries[index].builder.end(at: at)
        return true
    }

    mutating func endAll(at: Duration) {
        for index in entries.indices { entries[index].builder.end(at: at) }
    }
}
