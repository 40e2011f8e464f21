package import SecureMeshCore

/// A server, a crowd of members that keep no directory, and some peers as they run for real, on a network that takes
/// 10 ms one way and loses nothing: what a server has to do for thousands, and what a peer among them sees of it.
///
/// With the stand-in cryptography. One seed makes one run.
package final class LoadTest {
    private(set) package var now = Instant(nanoseconds: 0)
    private var random: RandomSource
    private let primitives = InsecureTestCrypto()
    private let serverKey: SigningKey
    private let server: Process<Registry>
    /// Who has not begun yet.
    private var spares: [(key: SigningKey, name: PeerName)]
    private var members: [LightweightMember] = []
    /// When the schedule wakes each.
    private var memberWakes: [Instant?] = []
    private(set) package var peers: [Watcher] = []
    private var schedule = Schedule()
    private var traffic = [Recording.Traffic](repeating: Recording.Traffic(), count: 256)

    /// A real peer, and what it has shown.
    package final class Watcher {
        fileprivate let process: Process<Peer>
        fileprivate let address: SocketAddress
        package let startedAt: Instant
        /// When it first could speak.
        fileprivate(set) package var joinedAt: Instant?
        /// When it came to the version that it holds.
        fileprivate(set) package var heldAt: Instant?

        fileprivate init(_ process: Process<Peer>, at address: SocketAddress, from start: Instant) {
            self.process = process
            self.address = address
            startedAt = start
        }

        package var version: UInt64 { process.glance.version }
        package var isRunning: Bool { process.isRunning }
    }

    /// `crowd` members, which want in within `arrivals`, and `peers` real ones, which want in at once; `spare` may join
    /// later.
    package init(seed: UInt64, crowd: Int, peers: Int, spare: Int = 0, arrivals: Duration) {
        random = .seeded(seed)
        var dice = random
        let names = (0..<crowd + peers + spare).compactMap { PeerName("peer-\($0)") }
        serverKey = Self.key(&dice)
        spares = names.map { (Self.key(&dice), $0) }
        random = dice
        let authorised = Dictionary(uniqueKeysWithValues: spares.map { ($0.key.publicKey, $0.name) })
        var configuration = Registry.Configuration(
            key: serverKey, bound: [Addresses.server], roster: Roster(authorised: authorised))
        configuration.primitives = primitives
        configuration.maximumPeers = spares.count
        server = Process(Registry(configuration, random: .seeded(random.next()), now: now), clock: Self.clock)
        wakeServer()
        for index in 0..<crowd {
            guard let configuration = nextConfiguration() else { break }
            members.append(
                LightweightMember(
                    configuration, at: Addresses.slot(index), random: .seeded(random.next()),
                    now: now + arrivals * index / crowd))
            memberWakes.append(nil)
            wake(member: index)
        }
        for _ in 0..<peers { join() }
    }

    package var version: UInt64 { server.glance.version }
    package var memberCount: Int { server.glance.members }

    package func sent(_ kind: Kind) -> Recording.Traffic { traffic[Int(kind.rawValue)] }

    /// One more peer begins; nil if there is none left.
    @discardableResult
    package func join() -> Watcher? {
        guard let configuration = nextConfiguration() else { return nil }
        let machine = Peer(configuration, random: .seeded(random.next()), now: now)
        let address = Addresses.slot(members.count + peers.count)
        let peer = Watcher(Process(machine, clock: Self.clock), at: address, from: now)
        peers.append(peer)
        wake(peer: peers.count - 1)
        return peer
    }

    /// From now on the first `count` of the crowd say in each heartbeat that they hold nothing.
    package func askForEverything(first count: Int) {
        for index in members.indices.prefix(count) { members[index].claim = 0 }
    }

    /// It is gone without a word.
    package func kill(_ peer: Watcher) { peer.process.isRunning = false }

    private func nextConfiguration() -> Peer.Configuration? {
        guard let (key, name) = spares.popLast() else { return nil }
        var configuration = Peer.Configuration(
            key: key, name: name, servers: [serverKey.publicKey], server: Addresses.server)
        configuration.primitives = primitives
        return configuration
    }

    private static func key(_ random: inout RandomSource) -> SigningKey {
        SigningKey(seed: random.bytes32().array.span)
    }

    private static var clock: Clock { Clock(offset: .zero, driftPerMillion: 0) }

    // MARK: running

    package func play(for duration: Duration) {
        play(atMost: duration) { false }
    }

    /// Until `isDone`, which is asked each 10 ms; false if it was not by then.
    @discardableResult
    package func play(atMost duration: Duration, until isDone: () -> Bool) -> Bool {
        let end = now + duration
        while now < end {
            if isDone() { return true }
            let next = min(now + .milliseconds(10), end)
            while let entry = schedule.next(until: next) {
                now = entry.at
                act(entry)
            }
            now = next
        }
        return isDone()
    }

    private func act(_ entry: Schedule.Entry) {
        switch entry.action {
        case .arrive(let slot): if let flight = schedule.take(slot) { arrive(flight) }
        case .wakeServer:
            guard server.wakeAt == entry.at else { return }
            server.wakeAt = nil
            if server.isDue(now) {
                server.machine.handleTimeout(now: now)
                drainServer()
            }
            wakeServer()
        case .drained:
            server.machine.handleDrained(now: now)
            drainServer()
            wakeServer()
        case .wakePeer(let slot):
            let index = slot - members.count
            if index < 0 { wakes(member: slot, at: entry.at) } else { wakes(peer: index, at: entry.at) }
        case .fault, .act, .speak, .sample: break
        }
    }

    private func arrive(_ flight: Flight) {
        guard let slot = Addresses.slot(of: flight.destination) else {
            server.machine.handle(flight.bytes.span, path: Path(remote: flight.source), now: now)
            drainServer()
            return wakeServer()
        }
        guard slot >= members.count else {
            let answers = members[slot].handle(flight.bytes, now: now)
            for bytes in answers { send(bytes, by: .peer(slot), from: members[slot].address, to: Addresses.server) }
            return wake(member: slot)
        }
        let index = slot - members.count
        let process = peers[index].process
        guard process.isRunning else { return }
        process.machine.handle(flight.bytes.span, path: Path(remote: flight.source), now: now)
        drain(peer: index)
    }

    private func send(_ bytes: [UInt8], by sender: Flight.Sender, from source: SocketAddress, to target: SocketAddress)
    {
        let place = Int(bytes[1])
        traffic[place].datagrams += 1
        traffic[place].bytes += bytes.count
        let flight = Flight(id: 0, sender: sender, source: source, destination: target, bytes: bytes, sentAt: now)
        schedule.put(flight, at: now + Self.latency)
    }

    private func drainServer() {
        while let output = server.machine.pollOutput() {
            switch output {
            case .transmit(let transmit):
                send(transmit.bytes, by: .server, from: Addresses.server, to: transmit.path.remote)
            case .event: break
            case .drain: schedule.put(.drained, at: now)
            }
        }
        server.look()
    }

    private func drain(peer index: Int) {
        let peer = peers[index]
        while let output = peer.process.machine.pollOutput() {
            switch output {
            case .transmit(let transmit):
                send(
                    transmit.bytes, by: .peer(members.count + index), from: peer.address, to: transmit.path.remote)
            case .event(.joined): if peer.joinedAt == nil { peer.joinedAt = now }
            case .event, .drain: break
            }
        }
        let before = peer.process.glance.version
        peer.process.look()
        if peer.process.glance.version != before { peer.heldAt = now }
        wake(peer: index)
    }

    // MARK: time

    private func wakeServer() {
        if let at = server.reschedule(now: now) { schedule.put(.wakeServer, at: at) }
    }

    private func wake(peer index: Int) {
        guard let at = peers[index].process.reschedule(now: now) else { return }
        schedule.put(.wakePeer(members.count + index), at: at)
    }

    private func wakes(peer index: Int, at: Instant) {
        let process = peers[index].process
        guard process.wakeAt == at else { return }
        process.wakeAt = nil
        guard process.isAwake else { return }
        if process.isDue(now) { process.machine.handleTimeout(now: now) }
        drain(peer: index)
    }

    private func wake(member index: Int) {
        guard let deadline = members[index].deadline else { return }
        let at = max(deadline, now)
        if let wake = memberWakes[index], wake <= at { return }
        memberWakes[index] = at
        schedule.put(.wakePeer(index), at: at)
    }

    private func wakes(member index: Int, at: Instant) {
        guard memberWakes[index] == at else { return }
        memberWakes[index] = nil
        let due = members[index].handleTimeout(now: now)
        for bytes in due { send(bytes, by: .peer(index), from: members[index].address, to: Addresses.server) }
        wake(member: index)
    }

    private static let latency = Duration.milliseconds(10)
}
