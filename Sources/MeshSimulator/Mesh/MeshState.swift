package import SecureMeshCore

/// The state of a `VirtualMesh`: its clock, its queue, its processes, and the parts of their history that the checks
/// need.
package final class MeshState {
    package private(set) var now: Instant
    package var random: RandomSource
    /// The configuration of the server's next process.
    package var configuration: Registry.Configuration
    package var server: Process<Registry>
    package var peers: [VirtualPeer] = []
    /// The index of each identity in the `Invariants`, by key. Several peers may have the same identity.
    package var identities: [PublicKey: Int] = [:]
    package var invariants: Invariants
    package internal(set) var trace = Trace()
    package var schedule = Schedule()
    var memberAddresses: Set<SocketAddress> = []
    /// The order of the events of the server's process.
    var serverOrder = ServerEventOrder()
    /// The time at which the server made its newest secret for tokens, by the mesh's clock (`issuedAt`) and by the
    /// server's own clock (`local`); nil before the first call of the server's machine.
    var newestSecret: (issuedAt: Instant, local: Instant)?
    /// The epoch and the version of the server's directory after the last call of the server's machine.
    var published: (epoch: UInt64, version: UInt64) = (0, 0)
    /// The number of bytes that a socket can hold while its process does not read.
    let buffer: Int
    /// The host whose cores all processes share; nil if no work takes CPU time.
    let host: Host?
    /// The primitives of all machines if these primitives check every seal; otherwise nil.
    let watch: WatchedPrimitives?
    /// The age below which an echoed heartbeat is fresh by the clock of every process.
    let surelyFresh: Duration
    /// The largest number of steps and sent datagrams that are allowed at one instant.
    private let stepLimit: Int
    private var stepsNow = 0
    private var flights: UInt64 = 0

    package init(
        _ configuration: Registry.Configuration, random: RandomSource, from start: Instant = Instant(nanoseconds: 0),
        drift: Int = 0, isClose: Bool = true, buffer: Int = Scenario.usualBuffer, watch: WatchedPrimitives? = nil,
        host: Host? = nil, stepLimit: Int = .max
    ) {
        self.configuration = configuration
        self.random = random
        now = start
        invariants = Invariants(configuration, drift: drift, isClose: isClose, isWatched: watch != nil)
        self.buffer = buffer
        self.watch = watch
        self.host = host
        self.stepLimit = stepLimit
        surelyFresh = configuration.heartbeatInterval * 5 / 2
        invariants.serverDisturbed(now: start)
        server = Process(
            Registry(configuration, random: .seeded(self.random.next()), now: start),
            clock: Clock(offset: .zero, driftPerMillion: 0))
    }

    /// Makes an independent copy. `other` must have no host. Otherwise the work of one process would be counted for two
    /// meshes.
    package init(copying other: MeshState) {
        (now, random, configuration) = (other.now, other.random, other.configuration)
        server = Process(copying: other.server)
        peers = other.peers.map(VirtualPeer.init(copying:))
        (identities, invariants, trace, schedule) = (other.identities, other.invariants, other.trace, other.schedule)
        (memberAddresses, published, flights) = (other.memberAddresses, other.published, other.flights)
        (newestSecret, serverOrder) = (other.newestSecret, other.serverOrder)
        surelyFresh = other.surelyFresh
        (buffer, watch, stepLimit, stepsNow) = (other.buffer, other.watch, other.stepLimit, other.stepsNow)
        precondition(other.host == nil, "a mesh on a host cannot be copied")
        host = nil
    }

    /// Moves the clock to `time`, unless the clock is already past it.
    package func pass(to time: Instant) {
        guard time > now else { return }
        now = time
        stepsNow = 0
    }

    func countStep() {
        stepsNow += 1
        if stepsNow > stepLimit { invariants.fail("more than \(stepLimit) steps at one instant", now: now) }
    }

    package func nextFlight() -> UInt64 {
        flights += 1
        return flights
    }

    func checkWatch() {
        guard let violation = watch?.violations.first else { return }
        let kind = violation.head.count > 1 ? Kind(rawValue: violation.head[1]) : nil
        let what = kind.map { "\($0)" } ?? "datagram"
        invariants.fail("a key sealed two plaintexts under one counter: \(what) \(violation.counter)", now: now)
    }
}
