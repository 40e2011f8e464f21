internal import SecureMeshCore

/// All that makes a world but its dice: who is in it, what happens to it, how long.
package struct Scenario: Sendable {
    package enum Cryptography: String, CaseIterable, Sendable {
        /// libsodium, with every seal watched.
        case real
        /// `InsecureTestCrypto`: for worlds of thousands.
        case standIn
    }

    /// Who speaks, and how often. Nobody, if `interval` is nil.
    package struct Talk: Hashable, Sendable {
        package var interval: Duration?
        /// The first so many peers speak.
        package var speakers = Int.max
        /// Of a hundred messages so many are for one member alone.
        package var direct = 25
        package var size = 32

        package init() {}
    }

    package let seed: UInt64
    package var title = ""
    /// What plays it again, ready to paste.
    package var command: String?
    package var peers: Int
    /// The peers want in at times spread evenly over this.
    package var arrivals = Duration.seconds(1)
    /// How long there is trouble; then everything heals.
    package var duration: Duration
    /// How long after that a world may take until all is well again.
    package var healing = Duration.seconds(30)
    package var cryptography = Cryptography.real
    package var network = LinkConditions()
    package var faults: [TimedFault] = []
    package var attacks: [AttackPlan] = []
    package var talk = Talk()
    /// Clocks run fast or slow by up to so many millionths.
    package var drift = 200
    /// What a socket that nobody reads holds, in bytes.
    package var buffer = usualBuffer
    package static let usualBuffer = 8 << 20
    package var heartbeat = ProtocolConstants.heartbeatInterval
    package var lifetime = ProtocolConstants.lifetime
    package var trust = ProtocolConstants.trust
    package var rekey = ProtocolConstants.rekey
    package var isOpen = false
    /// Everything is checked after every step in worlds of up to so many peers; in larger ones what costs N² is not.
    package static let closeScrutiny = 64

    package init(seed: UInt64, peers: Int, duration: Duration) {
        self.seed = seed
        self.peers = peers
        self.duration = duration
    }
}

package struct TimedFault: Sendable {
    package let at: Duration
    package let fault: Fault

    package init(at: Duration, _ fault: Fault) {
        self.at = at
        self.fault = fault
    }
}

/// What may befall a world. Peers by index; what makes no sense at its time (a restart of what runs) does nothing.
package enum Fault: Hashable, Sendable {
    case crash(Int)
    /// The same key as a new process, here or at another address.
    case restart(Int, elsewhere: Bool)
    /// LEAVE, and the process ends.
    case leave(Int)
    /// Its socket fills, its clock goes on.
    case pause(Int, Duration)
    /// Its datagrams come from another address from now on, as behind a NAT that forgot it.
    case move(Int)
    case jump(Int, Duration)
    case crashServer
    case startServer
    /// GOODBYE to all, then gone.
    case stopServer
    case pauseServer(Duration)
    case jumpServer(Duration)
    case revoke(Int)
    case authorise(Int)
    case beginPartition(Int, Partition)
    case endPartition(Int)
    case network(LinkConditions)
}

/// An attacker, and when it is at work.
package struct AttackPlan: Hashable, Sendable {
    package var strategy: Strategy
    package var from: Duration
    package var to: Duration

    package init(_ strategy: Strategy, from: Duration, to: Duration) {
        self.strategy = strategy
        self.from = from
        self.to = to
    }
}
