/// An event type whose events ``MeshMetrics`` counts.
protocol MeasuredEvent {
    /// All counters of events of this type. They are created when `run()` begins, so each metric exists before its
    /// first event.
    static var counters: [EventCounter] { get }
    /// The counter of this event; nil if no counter counts it.
    var counter: EventCounter? { get }
}

/// The name of a counter of events.
struct EventCounter: Hashable {
    /// The name of the metric without its prefix, `securemesh_server_` or `securemesh_peer_`.
    let label: String
    /// The value of the metric's dimension `reason`; nil if the metric has no dimension.
    let reason: String?

    init(_ label: String, _ reason: String? = nil) {
        self.label = label
        self.reason = reason
    }

    fileprivate static func all<Reason: RawRepresentable<String>>(
        _ label: String, _ reasons: [Reason]
    ) -> [EventCounter] {
        reasons.map { EventCounter(label, $0.rawValue) }
    }
}

extension ServerEvent: MeasuredEvent {
    static let counters: [EventCounter] =
        [EventCounter("joins_total"), EventCounter("suspicions_total")]
        + EventCounter.all(
            "departures_total",
            [Departure.left, .replaced, .expired, .revoked, .misbehaved, .tooOld, .stopping])
        + EventCounter.all(
            "turned_away_total", [JoinRefusal.notAuthorized, .nameTaken, .addressTaken, .full, .busy])

    var counter: EventCounter? {
        switch self {
        case .joined: EventCounter("joins_total")
        case .left(_, let departure): EventCounter("departures_total", departure.rawValue)
        case .turnedAway(_, _, let refusal): EventCounter("turned_away_total", refusal.rawValue)
        case .suspected: EventCounter("suspicions_total")
        case .directoryStalled, .unreachable, .suspicionEnded, .missed: nil
        }
    }
}

extension PeerEvent: MeasuredEvent {
    static let counters: [EventCounter] =
        [
            EventCounter("joins_total"), EventCounter("server_lost_total"), EventCounter("messages_received_total"),
            EventCounter("member_joins_total"), EventCounter("member_rejoins_total"),
            EventCounter("member_departures_total", "unknown"),
        ]
        + EventCounter.all(
            "member_departures_total",
            [Departure.left, .replaced, .expired, .revoked, .misbehaved, .tooOld, .stopping])
        + EventCounter.all(
            "dismissals_total", [Dismissal.replaced, .expired, .revoked, .misbehaved, .tooOld, .stopping])
        + EventCounter.all("turned_away_total", [JoinDelay.nameTaken, .addressTaken, .full, .busy])

    var counter: EventCounter? {
        switch self {
        case .joined: EventCounter("joins_total")
        case .connectionLost: EventCounter("server_lost_total")
        case .message: EventCounter("messages_received_total")
        case .memberJoined: EventCounter("member_joins_total")
        case .memberRejoined: EventCounter("member_rejoins_total")
        case .memberLeft(_, let reason): EventCounter("member_departures_total", reason?.rawValue ?? "unknown")
        case .dismissed(let dismissal): EventCounter("dismissals_total", dismissal.rawValue)
        case .refused(let delay, _): EventCounter("turned_away_total", delay.rawValue)
        default: nil
        }
    }
}
