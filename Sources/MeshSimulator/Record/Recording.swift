package import SecureMeshCore

/// The record of a world, which `p2p simulate` prints and draws.
///
/// Times count from the beginning of the world. Of the events beyond the first `eventLimit`, only the number is kept.
package struct Recording: Sendable {
    package struct Event: Sendable {
        package enum What: Sendable {
            case started
            /// The server accepted the peer's CONFIRM.
            case joined
            /// The server removed the peer for this reason.
            case left(Departure)
            case crashed, restarted, paused, resumed, leaving
            case revoked, authorized
            case clockJumped(Duration)
            case serverCrashed, serverStarted, serverStopping, serverPaused, serverResumed
            case partitioned(String), rejoined(String)
            case networkChanged(String)
            case attackBegan(String), attackEnded(String)
            /// All faults ended.
            case healing
            case converged
        }

        package let at: Duration
        /// The index of the peer, or nil for the server, the network or an attacker.
        package let peer: Int?
        package let what: What
    }

    /// A period in which a peer was a member.
    package struct Stay: Sendable {
        package let peer: Int
        package let from: Duration
        /// The end of the period; nil if the peer was a member at the end of the world.
        package var to: Duration?
        package var departure: Departure?

        package init(peer: Int, from: Duration) {
            self.peer = peer
            self.from = from
        }
    }

    /// The figures of one interval, which ends at `at`. An interval lasts one second, or longer in a long world. There
    /// is no sample for the time after the last whole interval.
    package struct Sample: Sendable {
        package let at: Duration
        /// The number of peers whose processes are running.
        package var running = 0
        /// The number of the server's members.
        package var members = 0
        /// The number of running peers that hold the server's version of the directory.
        package var current = 0
        package var datagrams = 0
        package var bytes = 0
        package var lost = 0
        package var messages = 0
        package var refusals = 0

        package init(at: Duration) {
            self.at = at
        }
    }

    package struct Traffic: Hashable, Sendable {
        package var datagrams: Int
        package var bytes: Int

        package init(datagrams: Int = 0, bytes: Int = 0) {
            self.datagrams = datagrams
            self.bytes = bytes
        }
    }

    /// The attempts and successes of an attacker.
    package struct Attack: Sendable {
        package let name: String
        /// A sentence that says who the attacker is and what it does.
        package let story: String
        package var sent = 0
        package var altered = 0
        package var withheld = 0
        /// The goals of the attack. For each goal, `tried` is the number of attempts, and `got` the number of
        /// successes. `got` is 0 unless the mesh is broken.
        package var goals: [(goal: String, tried: Int, got: Int)] = []

        package init(name: String, story: String) {
            self.name = name
            self.story = story
        }
    }

    /// The CPU time of a mesh whose processes share a host.
    package struct ProcessorUsage: Hashable, Sendable {
        package let cores: Int
        package internal(set) var all = Duration.zero
        package internal(set) var server = Duration.zero
    }

    package enum Loss: String, CaseIterable, Sendable {
        case lost, partitioned, tooLarge, overflow, nobodyThere, withheld
    }

    package let seed: UInt64
    /// A short title of the scenario, such as "world 7 of the swarm".
    package let title: String
    /// The command that runs the same world again; nil if no command does.
    package var command: String?
    package let names: [PeerName]
    /// The whole duration of the world.
    package var duration = Duration.zero
    package var healingBegan: Duration?
    /// The time from the end of all faults until the mesh was whole; nil if the mesh was not whole in time.
    package var healedAfter: Duration?
    package var events: [Event] = []
    package var omittedEvents = 0
    package var stays: [Stay] = []
    package var samples: [Sample] = []

    /// The number of times that peers have lost their connection to the server.
    package var connectionsLost = 0
    /// The times from the start of a process until its first event `.joined`.
    package var joinTimes = Distribution()
    /// For each change of the directory, the time until the last member held the new version.
    package var convergence = Distribution()
    /// For each change of the directory and each member, the time until the member held the new version.
    package var directoryLag = Distribution()
    /// The times from the end of a process until the server removed the peer.
    package var deathNotice = Distribution()
    package var messageLatency = Distribution()
    package var messagesSent = 0
    /// The number of deliveries that are expected: the sum, over all messages, of the number of their receivers.
    package var deliveriesExpected = 0
    package var deliveries = 0

    /// The traffic of each kind of datagram, in the order of `Kind.allCases`.
    package var traffic: [(kind: Kind, traffic: Traffic)] = []
    package var losses: [(loss: Loss, count: Int)] = []
    package var serverRefusals = RejectionCounters()
    package var peerRefusals = RejectionCounters()
    package var attacks: [Attack] = []
    /// The CPU time that the processes used; nil if the scenario has no processors, so that no work takes CPU time.
    package var processors: ProcessorUsage?
    /// The total time for which peers were members: the sum of the durations of all stays.
    package var memberTime = Duration.zero
    package var steps = 0
    package var traceHash: UInt64 = 0
    /// A description of the rule that was broken; nil if no rule was broken.
    package var failure: String?

    package init(seed: UInt64, title: String, names: [PeerName]) {
        self.seed = seed
        self.title = title
        self.names = names
    }

    package mutating func note(_ what: Event.What, peer: Int? = nil, at: Duration) {
        guard events.count < Self.eventLimit else {
            omittedEvents += 1
            return
        }
        events.append(Event(at: at, peer: peer, what: what))
    }

    package static let eventLimit = 100_000
}
