package import MeshSimulator
internal import SecureMeshCore

/// The counts and times of a swarm. The swarm consists of complete peers on real sockets, in one process.
package struct SwarmReport: Sendable {
    /// The number of peers that the user asked for.
    package let peers: Int
    package var started = 0
    /// The number of peers that have joined at least once.
    package var joined = 0
    /// The number of peers that have ended with an error.
    package var failed = 0
    /// The number of times that a peer became a member, including joins after a peer's first one.
    package var joins = 0
    package var connectionsLost = 0
    package var connectionsRecovered = 0
    package var dismissals = 0
    package var refusals = 0
    /// The number of times that a peer reported a new session of another peer of the swarm.
    package var reportedAsRejoined = 0
    /// The number of times that a peer reported another peer of the swarm as gone although that peer ran.
    package var reportedAsGone = 0
    package var missedEvents = 0
    private(set) package var broadcasts = 0
    /// The number of messages to peers of the swarm. A broadcast counts once per receiver.
    private(set) package var sent = 0
    private(set) package var delivered = 0
    /// The broadcasts whose calls have not returned, with the number of their messages that have arrived. Each key is
    /// the time of the call of `broadcast`.
    private var callsUnderWay: [Duration: Int] = [:]
    /// For each peer, the time from its start to its first `joined` event.
    package var timeToJoin = Distribution()
    /// The longest time from the start of the swarm to a peer's first join; nil if no peer has joined.
    package var joinedAfter: Duration?
    /// For each newly started peer, the time from its start until all other peers list it as a member.
    package var timeToBeListed = Distribution()
    /// For each receiver of each broadcast, the time from the call of `broadcast` until the receiver reports the
    /// message.
    private(set) package var delay = Distribution()
    /// For each broadcast, the time from the call of `broadcast` until its last receiver reports the message.
    private(set) package var broadcastDelays = BroadcastDelays()
    package var duration = Duration.zero
    package var processorTime = Duration.zero
    /// The peak of the process's resident memory, in bytes.
    package var memory = 0

    package init(peers: Int) {
        self.peers = peers
    }

    package var haveAllJoined: Bool { joined == peers }

    /// The number of messages that were sent and not delivered.
    package var lost: Int { max(sent - delivered, 0) }

    /// Returns true if a call of `broadcast` has not returned or a message has not arrived.
    package var awaitsMessages: Bool { !callsUnderWay.isEmpty || lost > 0 }

    /// Notes that a peer calls `broadcast`. The time of the call identifies the broadcast.
    package mutating func beginBroadcast(at time: Duration) {
        callsUnderWay[time] = 0
    }

    /// Notes that a call of `broadcast` has returned. Only now are the messages counted that arrived before.
    ///
    /// - Parameters:
    ///   - time: The time of the call.
    ///   - receivers: The number of receivers in the swarm; nil if `broadcast` threw an error.
    package mutating func endBroadcast(at time: Duration, receivers: Int?) {
        let early = callsUnderWay.removeValue(forKey: time) ?? 0
        guard let receivers else { return }
        broadcasts += 1
        sent += receivers
        delivered += early
        broadcastDelays.noteReceivers(receivers, ofBroadcastAt: time)
    }

    /// Notes that a receiver has reported a message.
    ///
    /// - Parameters:
    ///   - time: The time of the call of `broadcast`.
    ///   - duration: The time from the call until the receiver reported the message.
    package mutating func noteDelivery(ofBroadcastAt time: Duration, after duration: Duration) {
        if let early = callsUnderWay[time] {
            callsUnderWay[time] = early + 1
        } else {
            delivered += 1
        }
        delay.add(duration)
        broadcastDelays.noteDelivery(ofBroadcastAt: time, delay: duration)
    }

    /// A phrase for the progress line.
    package var progress: String {
        var parts = ["\(Figures.count(joined)) of \(Figures.count(peers)) joined"]
        if connectionsLost > 0 { parts.append(Figures.count(connectionsLost, "connection lost", "connections lost")) }
        if reportedAsGone > 0 { parts.append("\(Figures.count(reportedAsGone)) reported as gone") }
        if broadcasts > 0 { parts.append("\(Figures.count(delivered)) of \(Figures.count(sent)) messages") }
        return parts.joined(separator: ", ")
    }

    /// The lines of a table for the terminal.
    package var lines: [String] {
        var lines: [String] = []
        func add(_ label: String, _ text: String) {
            lines.append(label + String(repeating: " ", count: Self.labelWidth - label.count) + text)
        }
        add(
            "peers",
            "\(Figures.count(joined)) of \(Figures.count(peers)) joined"
                + (joinedAfter.map { ", the last after \(Figures.duration($0))" } ?? "")
                + (started < peers ? ", \(Figures.count(started)) started" : "")
                + (failed > 0 ? ", \(Figures.count(failed)) failed" : ""))
        if timeToJoin.count > 0 { add("time to join", Self.summary(of: timeToJoin)) }
        if timeToBeListed.count > 0 { add("listed by all", Self.summary(of: timeToBeListed)) }
        add("joins", Figures.count(joins))
        add(
            "connections",
            "\(Figures.count(connectionsLost)) lost, \(Figures.count(connectionsRecovered)) recovered, "
                + "\(Figures.count(dismissals)) ended by the server, \(Figures.count(refusals)) refused")
        add(
            "reported",
            "\(Figures.count(reportedAsGone)) as gone, \(Figures.count(reportedAsRejoined)) as rejoined"
                + (missedEvents > 0 ? ", \(Figures.count(missedEvents)) events missed" : ""))
        if broadcasts > 0 {
            add(
                "messages",
                "\(Figures.share(delivered, of: sent)) delivered: \(Figures.count(delivered)) of \(Figures.count(sent))"
                    + ", \(Figures.count(lost)) lost, from "
                    + Figures.count(broadcasts, "broadcast", "broadcasts"))
        }
        if delay.count > 0 { add("delay", Self.summary(of: delay)) }
        let toLast = broadcastDelays.toLast
        if toLast.count > 0 { add("delay to last", Self.summary(of: toLast)) }
        add("memory", "\(Figures.bytes(Double(memory))) at most")
        add(
            "CPU time", "\(Figures.duration(processorTime)) in \(Figures.duration(duration))")
        return lines
    }

    /// The report as one JSON object, with durations in nanoseconds and the memory in bytes.
    package var json: String {
        JSONValue.object([
            ("format", .integer(1)),
            ("peers", .integer(peers)),
            ("started", .integer(started)),
            ("joined", .integer(joined)),
            ("failed", .integer(failed)),
            ("joins", .integer(joins)),
            ("connections_lost", .integer(connectionsLost)),
            ("connections_recovered", .integer(connectionsRecovered)),
            ("dismissals", .integer(dismissals)),
            ("refusals", .integer(refusals)),
            ("reported_as_gone", .integer(reportedAsGone)),
            ("reported_as_rejoined", .integer(reportedAsRejoined)),
            ("missed_events", .integer(missedEvents)),
            ("broadcasts", .integer(broadcasts)),
            ("sent", .integer(sent)),
            ("delivered", .integer(delivered)),
            ("lost", .integer(lost)),
            ("joined_after_ns", .nanoseconds(joinedAfter)),
            ("time_to_join", timeToJoin.json),
            ("time_to_be_listed", timeToBeListed.json),
            ("delay", delay.json),
            ("delay_to_last", broadcastDelays.toLast.json),
            ("duration_ns", .nanoseconds(duration)),
            ("cpu_ns", .nanoseconds(processorTime)),
            ("memory_bytes", .integer(memory)),
        ]).text()
    }

    private static func summary(of times: Distribution) -> String {
        "p50 \(Figures.duration(times.quantile(0.5))), p99 \(Figures.duration(times.quantile(0.99))), "
            + "max \(Figures.duration(times.maximum))"
    }

    private static let labelWidth = 14
}
