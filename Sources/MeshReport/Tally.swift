internal import MeshSimulator
internal import SecureMeshCore

/// The totals of a recording (joins, departures, faults, traffic), for page, terminal and JSON.
struct Tally {
    private(set) var joins = 0
    /// The number of departures for each reason, in the order of `Departure.all`.
    private(set) var departures: [(departure: Departure, count: Int)]
    let connectionsLost: Int
    private(set) var crashes = 0
    private(set) var restarts = 0
    private(set) var pauses = 0
    private(set) var clockJumps = 0
    private(set) var revocations = 0
    private(set) var serverOutages = 0
    private(set) var serverPauses = 0
    private(set) var partitions = 0
    private(set) var networkChanges = 0
    private(set) var datagrams = 0
    private(set) var bytes = 0
    private(set) var lost = 0
    let serverDown: Duration
    let rates: Rates
    /// The number of attempts (`tried`) and of successes (`got`), summed over the goals of all attacks.
    let goals: (tried: Int, got: Int)

    /// Traffic per second, and traffic per second and member, both averaged over the whole run.
    struct Rates {
        let datagrams: Double
        let bytes: Double
        let memberDatagrams: Double
        let memberBytes: Double
    }

    init(_ recording: Recording, history: History) {
        joins = recording.stays.count
        departures = Departure.all.map { departure in
            (departure, recording.stays.count { $0.departure == departure })
        }
        connectionsLost = recording.connectionsLost
        for (_, traffic) in recording.traffic {
            datagrams += traffic.datagrams
            bytes += traffic.bytes
        }
        lost = recording.losses.reduce(0) { $0 + $1.count }
        serverDown = history.serverDown.total
        serverOutages = history.serverDown.count
        serverPauses = history.serverPaused.count
        partitions = history.partitions.reduce(0) { $0 + $1.spans.count }
        networkChanges = history.networkChanges.count
        let (seconds, memberSeconds) = (recording.duration.seconds, recording.memberTime.seconds)
        rates = Rates(
            datagrams: seconds > 0 ? Double(datagrams) / seconds : 0, bytes: seconds > 0 ? Double(bytes) / seconds : 0,
            memberDatagrams: memberSeconds > 0 ? Double(datagrams) / memberSeconds : 0,
            memberBytes: memberSeconds > 0 ? Double(bytes) / memberSeconds : 0)
        goals = recording.attacks.reduce((0, 0)) { sum, attack in
            attack.goals.reduce(sum) { ($0.0 + $1.tried, $0.1 + $1.got) }
        }
        for event in recording.events { count(event.what) }
    }

    private mutating func count(_ what: Recording.Event.What) {
        switch what {
        case .crashed: crashes += 1
        case .restarted: restarts += 1
        case .paused: pauses += 1
        case .clockJumped: clockJumps += 1
        case .revoked: revocations += 1
        case .started, .joined, .left, .resumed, .leaving, .authorized, .serverCrashed, .serverStarted,
            .serverStopping, .serverPaused, .serverResumed, .partitioned, .rejoined, .networkChanged, .attackBegan,
            .attackEnded, .healing, .converged:
            break
        }
    }

    var departureCount: Int { departures.reduce(0) { $0 + $1.count } }

    /// The departures, the most frequent first: `9 expired, 3 left`.
    var departureSummary: String {
        departures.enumerated().filter { $0.element.count > 0 }
            .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
            .map { "\(Figures.count($0.element.count)) \($0.element.departure.label)" }.joined(separator: ", ")
    }

    var faultCount: Int {
        crashes + pauses + clockJumps + revocations + serverOutages + serverPauses + partitions + networkChanges
    }

    var faultSummary: String {
        var parts: [String] = []
        func add(_ number: Int, _ one: String, _ many: String) {
            if number > 0 { parts.append(Figures.count(number, one, many)) }
        }
        add(crashes, "crash", "crashes")
        add(pauses, "pause", "pauses")
        add(clockJumps, "clock jump", "clock jumps")
        add(revocations, "revocation", "revocations")
        add(partitions, "partition", "partitions")
        add(networkChanges, "change of the network", "changes of the network")
        if serverOutages > 0 {
            let times = serverOutages == 1 ? "" : " \(Figures.count(serverOutages)) times,"
            parts.append("server down\(times) \(Figures.duration(serverDown))")
        }
        add(serverPauses, "pause of the server", "pauses of the server")
        return parts.joined(separator: ", ")
    }
}

extension Duration {
    var seconds: Double { Double(wholeNanoseconds) / 1e9 }
}
