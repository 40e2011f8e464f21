package import SecureMeshCore

/// What happened in a world, for a person: what `p2p simulate` prints and draws.
///
/// Times are since the world began. It is bounded: events of one kind beyond `eventLimit` are counted and not kept.
package struct Recording: Sendable {
    package struct Event: Sendable {
        package enum What: Sendable {
            case started
            /// The server took it in.
            case joined
            /// The server's word on it.
            case left(Departure)
            case crashed, restarted, paused, resumed, leaving
            case revoked, authorized
            case clockJumped(Duration)
            case serverCrashed, serverStarted, serverStopping, serverPaused, serverResumed
            case partitioned(String), rejoined(String)
            case networkChanged(String)
            case attackBegan(String), attackEnded(String)
            /// From here on no faults: the world must heal.
            case healing
            case converged
        }

        package let at: Duration
        /// Nil: the server, the network, an attacker.
        package let peer: Int?
        package let what: What

        package init(at: Duration, peer: Int?, what: What) {
            self.at = at
            self.peer = peer
            self.what = what
        }
    }

    /// From when to when the server had a peer as a member.
    package struct Stay: Sendable {
        package let peer: Int
        package let from: Duration
        /// Nil: it still was one at the end.
        package var to: Duration?
        package var departure: Departure?

        package init(peer: Int, from: Duration) {
            self.peer = peer
            self.from = from
        }
    }

    /// One point a second (in long worlds one in several), the first after the first interval, and what passed since the
    /// point before. What passes after the last is in none: it would be less than an interval.
    package struct Sample: Sendable {
        package let at: Duration
        /// Processes that run.
        package var running = 0
        /// Members, as the server has them.
        package var members = 0
        /// Running peers that hold the server's version.
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
        package var datagrams = 0
        package var bytes = 0

        package init() {}
    }

    /// What one attacker tried and what it got.
    package struct Attack: Sendable {
        package let name: String
        /// A sentence: who it is and what it does.
        package let story: String
        package var sent = 0
        package var altered = 0
        package var withheld = 0
        /// What it was after, and how often it got that: 0 unless the mesh is broken or the bound says so.
        package var goals: [(goal: String, tried: Int, got: Int)] = []

        package init(name: String, story: String) {
            self.name = name
            self.story = story
        }
    }

    package enum Loss: String, CaseIterable, Sendable {
        case lost, partitioned, tooLarge, overflow, nobodyThere, withheld
    }

    package let seed: UInt64
    /// The command's arguments or the plan's summary, in words.
    package let title: String
    /// What runs the same world again, ready to paste.
    package var command: String?
    package let names: [PeerName]
    /// How long the world ran, all in all.
    package var duration = Duration.zero
    package var healingBegan: Duration?
    /// From the start of healing until all were equal; nil: never.
    package var healedAfter: Duration?
    package var events: [Event] = []
    package var omittedEvents = 0
    package var stays: [Stay] = []
    package var samples: [Sample] = []

    /// From a process's start, or its wish to join, to its first `.joined`.
    package var joinTimes = Distribution()
    /// From a change of the directory to the last member that held it.
    package var convergence = Distribution()
    /// From a change of the directory to each member that held it.
    package var directoryLag = Distribution()
    /// From a process's death to the server's noticing.
    package var deathNotice = Distribution()
    package var messageLatency = Distribution()
    package var messagesSent = 0
    /// One message to N members may be delivered N times.
    package var deliveriesExpected = 0
    package var deliveries = 0

    /// By kind, in the order of `Kind.allCases`.
    package var traffic: [(kind: Kind, traffic: Traffic)] = []
    package var losses: [(loss: Loss, count: Int)] = []
    package var serverRefusals = RejectionCounters()
    package var peerRefusals = RejectionCounters()
    package var attacks: [Attack] = []
    /// The sum over all members of how long each was one.
    package var memberTime = Duration.zero
    package var steps = 0
    package var traceHash: UInt64 = 0
    /// What broke, if anything did.
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
