package import SecureMeshCore

/// A server, many lightweight members that keep no directory, and some complete peers. The network has a latency of 10
/// ms and no loss. The test shows the load of a server with thousands of members, and of a peer among them.
///
/// The cryptography is `InsecureTestCrypto`. The same seed gives the same run.
package final class LoadTest: VirtualMesh {
    package let state: MeshState
    /// The keys and names of the peers that have not started yet.
    private var spares: [(key: SigningKey, name: PeerName)]
    private var members: [LightweightMember] = []
    /// For each lightweight member, the time at which the schedule wakes the member; nil if it is not scheduled.
    private var wakes: [Instant?] = []
    /// The largest number of datagrams that the server has sent at one instant.
    package var largestBurst = 0
    private var burst: (at: Instant, count: Int) = (Instant(nanoseconds: 0), 0)
    private var traffic = [Recording.Traffic](repeating: Recording.Traffic(), count: 256)

    /// - Parameters:
    ///   - members: The number of lightweight members, which start within `arrivals`.
    ///   - peers: The number of complete peers, which start at the beginning.
    ///   - spare: The number of complete peers that `join` can start later.
    package init(seed: UInt64, members: Int, peers: Int, spare: Int = 0, arrivals: Duration) {
        var random = RandomSource.seeded(seed)
        let key = random.signingKey()
        spares = (0..<members + peers + spare).compactMap { try? PeerName("peer-\($0)") }
            .map { (random.signingKey(), $0) }
        let authorized = Dictionary(uniqueKeysWithValues: spares.map { ($0.key.publicKey, $0.name) })
        var configuration = Registry.Configuration(
            key: key, bound: [Addresses.server], roster: Roster(authorized: authorized))
        configuration.primitives = InsecureTestCrypto()
        configuration.maximumPeers = spares.count
        state = MeshState(configuration, random: random, isClose: false)
        wakeServer()
        for index in 0..<members {
            guard let (key, name) = spares.popLast() else { break }
            var configuration = Peer.Configuration(
                key: key, name: name, servers: [state.configuration.key.publicKey], server: Addresses.server)
            configuration.primitives = state.configuration.primitives
            self.members.append(
                LightweightMember(
                    configuration, at: Addresses.slot(index), random: .seeded(state.random.next()),
                    now: now + arrivals * index / members))
            wakes.append(nil)
            wake(index)
        }
        for _ in 0..<peers { join() }
    }

    package var version: UInt64 { server.glance.version }
    package var memberCount: Int { server.glance.members }
    /// True if the server has published every change of its directory.
    package var isPublished: Bool { server.machine.hasPublishedAll }

    package func sent(_ kind: Kind) -> Recording.Traffic { traffic[Int(kind.rawValue)] }

    /// Starts a spare peer and returns it; nil if no spare peer is left.
    @discardableResult
    package func join() -> VirtualPeer? {
        guard let (key, name) = spares.popLast() else { return nil }
        let peer = VirtualPeer(
            key: key, name: name, identity: peers.count, address: Addresses.slot(members.count + peers.count),
            process: newProcess(key, name))
        state.peers.append(peer)
        start(peers.count - 1)
        return peer
    }

    /// Makes the first `count` members claim in each heartbeat that they hold no directory.
    ///
    /// - Parameter step: The increment, per heartbeat, of the index of the snapshot part that the heartbeats ask for.
    package func askForEverything(first count: Int, step: UInt16 = 0) {
        for index in members.indices.prefix(count) {
            members[index].claim = 0
            members[index].claimedPart = (step, step)
        }
    }

    package func play(for duration: Duration) { play(until: now + duration) }

    // MARK: parts of the virtual mesh

    package func owner(of address: SocketAddress) -> Int? {
        guard let slot = Addresses.slot(of: address), slot >= members.count else { return nil }
        return slot - members.count
    }

    package func arriveElsewhere(_ flight: Flight) {
        guard let index = Addresses.slot(of: flight.destination) else { return }
        send(members[index].handle(flight.bytes, now: now), of: index)
    }

    package func carryOut(_ action: Schedule.Action) {
        guard case .act(let index) = action, wakes[index] == now else { return }
        wakes[index] = nil
        send(members[index].handleTimeout(now: now), of: index)
    }

    package func route(_ flight: Flight) {
        if flight.sender == .server {
            burst = burst.at == now ? (now, burst.count + 1) : (now, 1)
            largestBurst = max(largestBurst, burst.count)
        }
        let kind = Int(flight.bytes[1])
        traffic[kind].datagrams += 1
        traffic[kind].bytes += flight.bytes.count
        deliver(flight, after: Self.latency)
    }

    package func note(_ event: PeerEvent, of index: Int, after flight: Flight?) {
        if case .joined = event, peers[index].joinedAt == nil { peers[index].joinedAt = now }
    }

    private func send(_ datagrams: [[UInt8]], of index: Int) {
        for bytes in datagrams {
            route(stranger(bytes, from: members[index].address, to: Addresses.server))
        }
        wake(index)
    }

    private func wake(_ index: Int) {
        guard let deadline = members[index].deadline else { return }
        let at = max(deadline, now)
        if let wake = wakes[index], wake <= at { return }
        wakes[index] = at
        state.schedule.put(.act(index), at: at)
    }

    private static let latency = Duration.milliseconds(10)
}
