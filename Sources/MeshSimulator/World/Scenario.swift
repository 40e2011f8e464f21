internal import SecureMeshCore

/// The description of a world: its size, its settings, its faults and its duration.
package struct Scenario: Sendable {
    package enum Cryptography: String, CaseIterable, Sendable {
        /// libsodium. `WatchedPrimitives` checks every seal.
        case real
        /// `InsecureTestCrypto`, for worlds of thousands of peers.
        case insecureTest
    }

    /// The messages that the peers send. If `interval` is nil, no peer sends any message.
    package struct Talk: Hashable, Sendable {
        package var interval: Duration?
        /// The number of peers that send messages.
        package var speakers = Int.max
        /// The percentage of messages that are for one member only.
        package var direct = 25
        package var size = 32
        /// The percentage of messages that ask for acknowledgments.
        package var acknowledged = 0
    }

    package let seed: UInt64
    package var title = ""
    /// The command that plays the world again; nil if no command does.
    package var command: String?
    package var peers: Int
    /// The time over which the starts of the peers are evenly spread.
    package var arrivals = Duration.seconds(1)
    /// True if one program on the host of the peers starts all peers. The program starts a peer only after the previous
    /// one has got a core, so the starts may take longer than `arrivals`.
    package var startsInTurn = false
    /// The time from the beginning of the world until all faults and attacks end and the mesh begins to heal.
    package var duration: Duration
    /// The time after `duration` within which the mesh must be whole again.
    package var healing = Duration.seconds(30)
    package var cryptography = Cryptography.real
    package var network = LinkConditions()
    package var faults: [TimedFault] = []
    package var attacks: [AttackPlan] = []
    package var talk = Talk()
    /// The greatest drift of a clock, in parts per million.
    package var drift = 200
    /// The size of a socket's buffer, in bytes.
    package var buffer = usualBuffer
    package static let usualBuffer = 8 << 20
    /// The processors that all processes share; nil if no work takes CPU time.
    package var processors: Processors?
    package var heartbeat = ProtocolConstants.heartbeatInterval
    package var lifetime = ProtocolConstants.lifetime
    package var trust = ProtocolConstants.trust
    package var rekey = ProtocolConstants.rekey
    package var isOpen = false
    /// True if the server keeps its directory over restarts.
    package var keepsDirectory = false
    /// The greatest number of peers with which everything is checked after every step. In larger worlds, checks that
    /// cost O(n²) are left out.
    package static let closeScrutiny = 64

    /// The conditions of the network after the end of all faults.
    var calm: LinkConditions { processors == nil ? LinkConditions() : .sameHost }

    /// The promises that this world must keep besides the rules of every mesh.
    package var expectations: [Expectation] = []

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

/// A fault. A peer is named by its index. A fault that makes no sense at its time, such as a restart of a running
/// process, does nothing.
package enum Fault: Hashable, Sendable {
    case crash(Int)
    /// Starts a new process with the same key, at the same or at another address.
    case restart(Int, elsewhere: Bool)
    /// Lets the peer send LEAVE and end.
    case leave(Int)
    /// Stops the process for a while. During that time its socket fills, and its clock runs on.
    case pause(Int, Duration)
    /// Moves the peer to another address, as a NAT does when it has lost its mapping.
    case move(Int)
    case jump(Int, Duration)
    case crashServer
    case startServer
    /// Lets the server send GOODBYE to all members and end.
    case stopServer
    case pauseServer(Duration)
    case jumpServer(Duration)
    case revoke(Int)
    case authorize(Int)
    /// Gives the names of two peers to each other, by a change of the roster. Both peers are killed, and start again
    /// with their new names.
    case exchangeNames(Int, Int)
    case beginPartition(Int, Partition)
    case endPartition(Int)
    case network(LinkConditions)
}

/// An attack, with the times of its beginning and its end since the beginning of the world.
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
