import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Compares a server with lanes to a server that has a single event loop.
@Suite("Member lanes") struct MemberLaneTests {
    /// A registry and its lanes. Reports and updates between them are delivered only when the test calls `step` or
    /// `settle`.
    private struct Server {
        var registry: Registry
        private(set) var lanes: [MemberLane]
        private let division: LaneDivision
        /// For each lane, the updates that are not delivered yet, the oldest first. In the same way, `reports` holds
        /// the reports that are not delivered yet.
        private var updates: [[LaneUpdate]]
        private var reports: [[LaneReport]]
        private(set) var sent: [Transmit] = []
        private(set) var events: [ServerEvent] = []
        var now = Instant.start

        init(loops: UInt8, seed: UInt64) {
            division = LaneDivision(loops: loops)
            var configuration = Registry.Configuration(
                key: Fixture.serverKey, bound: [SocketAddress(ip: .v4(0xC000_02FE), port: 3_000)], roster: .open)
            configuration.division = division
            registry = Registry(configuration, random: .seeded(seed), now: .start)
            lanes = (1..<loops).map { [registry] _ in registry.makeLane() }
            updates = lanes.map { _ in [] }
            reports = lanes.map { _ in [] }
        }

        /// Gives a datagram to the registry or to a lane. The kernel would choose the socket of the same machine.
        mutating func receive(_ bytes: [UInt8], from path: Path) {
            let datagram = try? Datagram(decoding: bytes.span)
            var loop = 0
            if let header = datagram?.header, header.to == registry.epoch, header.kind.rawValue > Kind.confirm.rawValue,
                let session = SessionID(rawValue: header.from)
            {
                loop = Int(division.loop(of: session))
            }
            guard loop > 0 else {
                registry.handle(bytes.span, path: path, now: now)
                return collect()
            }
            lanes[loop - 1].handle(bytes.span, path: path, now: now)
        }

        /// Moves the registry's outputs into `updates`, `sent` and `events`.
        private mutating func collect() {
            for (lane, update) in (registry.takeLaneUpdates() ?? []).enumerated() where !update.isEmpty {
                updates[lane].append(update)
            }
            while let output = registry.pollOutput() {
                switch output {
                case .transmit(let transmit): sent.append(transmit)
                case .event(let event): events.append(event)
                case .drain, .keep: break
                }
            }
        }

        /// Carries out one random step: a lane creates a report, the registry handles a report, or a lane applies an
        /// update.
        mutating func step(_ random: inout RandomSource) {
            guard !lanes.isEmpty else { return }
            let lane = random.below(lanes.count)
            switch random.below(3) {
            case 0:
                if let report = lanes[lane].takeReport() { reports[lane].append(report) }
            case 1:
                guard !reports[lane].isEmpty else { return }
                registry.handle(reports[lane].removeFirst(), now: now)
                collect()
            default:
                guard !updates[lane].isEmpty else { return }
                lanes[lane].apply(updates[lane].removeFirst())
            }
        }

        /// Delivers all waiting reports, and then all waiting updates.
        mutating func settle() {
            for lane in lanes.indices {
                if let report = lanes[lane].takeReport() { reports[lane].append(report) }
                for report in reports[lane] { registry.handle(report, now: now) }
                reports[lane] = []
            }
            collect()
            for lane in lanes.indices {
                for update in updates[lane] { lanes[lane].apply(update) }
                updates[lane] = []
            }
        }

        mutating func pulse() {
            registry.handleTimeout(now: .after(.milliseconds(500)))
            collect()
        }

        mutating func forgetSent() { sent = [] }
    }

    private static let members: UInt8 = 9

    private static func path(_ member: UInt8) -> Path { Path(remote: Fixture.address(member)) }

    /// Makes nine members join a server. Their session numbers depend only on the server's seed.
    private static func join(_ server: inout Server) throws -> [ScriptedPeer] {
        try (1...members).map { number in
            var peer = ScriptedPeer(
                key: Fixture.key(100 + number), name: try Fixture.name("m\(number)"), context: Fixture.context)
            server.receive(
                peer.hello(from: path(number).remote, ephemeral: Fixture.secret(number)), from: path(number))
            try peer.open(welcome: try #require(server.sent.last).bytes)
            server.receive(try #require(peer.confirm).bytes, from: path(number))
            server.settle()
            for transmit in server.sent where transmit.path == path(number) { peer.hear(transmit.bytes) }
            return peer
        }
    }

    /// Returns random datagrams: honest ones, and ones that cause each refusal in section 6.6 of PROTOCOL.md.
    private static func datagrams(
        _ peers: [ScriptedPeer], _ random: inout RandomSource
    ) throws -> [(bytes: [UInt8], path: Path)] {
        var peers = peers
        var sent: [[(bytes: [UInt8], path: Path)]] = peers.map { _ in [] }
        return try (0..<300).map { _ in
            let index = random.below(peers.count)
            let path = path(UInt8(index + 1))
            func next(_ change: (inout ScriptedPeer) -> Void = { _ in }) throws -> ForgedDatagram {
                change(&peers[index])
                let heartbeat = peers[index].heartbeat(version: peers[index].version)
                return try #require(heartbeat)
            }
            switch random.below(24) {
            case 0: return (try next { $0.number -= 1 }.bytes, path)
            case 1: return (try next { $0.counter += 3_000 }.bytes, path)
            case 2: return (try next { $0.number += 2 }.bytes, path)
            case 3: return (try next().bytes.flipping(bit: 8 * 60), path)
            case 4: return (try next().bytes, Path(remote: Fixture.address(77)))
            case 5: return (try next().bytes.replacing(at: 12, with: [UInt8](bigEndian: random.next() | 1)), path)
            case 6: return (try next().bytes.replacing(at: 4, with: [1]), path)
            case 7: return (Array(try next().bytes.dropLast()), path)
            case 8 where random.chance(20):
                return (try next().signed(by: Fixture.otherKey).bytes, path)
            case 9 where random.chance(20):
                peers[index].advance()
                let leave = peers[index].draft(.leave, Leave(number: peers[index].number))
                return (try #require(leave).bytes, path)
            case 10:
                peers[index].advance()
                let session = try #require(peers[index].session)
                let goodbye = peers[index].draft(.goodbye, Goodbye(session: session, reason: .stopping))
                return (try #require(goodbye).bytes, path)
            case 11, 12:
                guard !sent[index].isEmpty else { fallthrough }
                return random.element(of: sent[index])
            default:
                sent[index].append((try next().bytes, path))
                return try #require(sent[index].last)
            }
        }
    }

    @Test("lanes that report at once make the server send the same bytes as one event loop", arguments: Seeds.few)
    func sameBytes(seed: UInt64) throws {
        var (one, laned) = (Server(loops: 1, seed: seed), Server(loops: 3, seed: seed))
        let peers = try Self.join(&one)
        #expect(try Self.join(&laned).map(\.session) == peers.map(\.session))
        var random = RandomSource.seeded(seed)
        (one.now, laned.now) = (.after(.milliseconds(100)), .after(.milliseconds(100)))
        for (bytes, path) in try Self.datagrams(peers, &random) {
            one.receive(bytes, from: path)
            laned.receive(bytes, from: path)
            laned.settle()
        }
        one.pulse()
        laned.pulse()
        #expect(one.sent.map(\.bytes) == laned.sent.map(\.bytes), "seed \(seed)")
        #expect(one.sent.map(\.path) == laned.sent.map(\.path), "seed \(seed)")
        #expect(one.events == laned.events, "seed \(seed)")
        #expect(one.registry.rejections == laned.registry.rejections, "seed \(seed)")
        #expect(laned.sent.contains { $0.lane > 0 })
    }

    @Test(
        "whenever lanes report, each member is in the state that one event loop gives it, and all refusals are counted",
        arguments: 1...40 as ClosedRange<UInt64>)
    func anyOrder(seed: UInt64) throws {
        var (one, laned) = (Server(loops: 1, seed: seed), Server(loops: UInt8(2 + seed % 3), seed: seed))
        let peers = try Self.join(&one)
        _ = try Self.join(&laned)
        var random = RandomSource.seeded(seed)
        (one.now, laned.now) = (.after(.milliseconds(100)), .after(.milliseconds(100)))
        for (bytes, path) in try Self.datagrams(peers, &random) {
            one.receive(bytes, from: path)
            laned.receive(bytes, from: path)
            for _ in 0..<random.below(4) { laned.step(&random) }
        }
        laned.settle()
        let keys = peers.map(\.key.publicKey)
        let expected: [MemberStanding?] = one.registry.standings(of: keys, now: one.now)
        let actual: [MemberStanding?] = laned.registry.standings(of: keys, now: one.now)
        for (index, (actual, expected)) in zip(actual, expected).enumerated() {
            #expect(actual?.received == expected?.received, "seed \(seed), member \(index)")
            #expect(actual?.silence == expected?.silence, "seed \(seed), member \(index)")
        }
        #expect(laned.registry.members == one.registry.members, "seed \(seed)")
        #expect(laned.lanes.reduce(0) { $0 + $1.count } <= laned.registry.memberCount, "seed \(seed)")
        for rejection in Rejection.allCases {
            #expect(
                laned.registry.rejections[rejection] == one.registry.rejections[rejection],
                "seed \(seed), \(rejection)")
        }
        #expect(one.registry.rejections.nonZero.count > 6, "seed \(seed)")
        // Each PULSE echoes the newest number that the receiver of the PULSE has sent.
        one.forgetSent()
        laned.forgetSent()
        one.pulse()
        laned.pulse()
        func echoes(_ server: Server) -> [SocketAddress: UInt64] {
            server.sent.reduce(into: [:]) { echoes, transmit in
                let header = try? Datagram(decoding: transmit.bytes.span).header
                if header?.kind == .pulse { echoes[transmit.path.remote] = header?.echo }
            }
        }
        #expect(echoes(laned) == echoes(one) && echoes(one).count == one.registry.memberCount, "seed \(seed)")
    }

    /// A server with lanes, and a member whose datagrams go to a lane.
    private struct LaneMember {
        var server = Server(loops: 64, seed: 1)
        var peer: ScriptedPeer
        let path: Path
        let lane: Int

        init() throws {
            let peers = try MemberLaneTests.join(&server)
            let lanes = peers.map { $0.session.map(LaneDivision(loops: 64).loop(of:)) ?? 0 }
            let index = try #require(lanes.firstIndex { $0 > 0 })
            peer = peers[index]
            path = MemberLaneTests.path(UInt8(index + 1))
            lane = Int(lanes[index]) - 1
        }

        mutating func heartbeat() throws -> [UInt8] {
            let heartbeat = peer.heartbeat(version: peer.version)
            return try #require(heartbeat).bytes
        }
    }

    @Test("datagrams that a lane accepted from a member that was revoked meanwhile are refused") func revoked() throws {
        var member = try LaneMember()
        member.server.receive(try member.heartbeat(), from: member.path)
        member.server.registry.setRoster(Roster(authorized: [:]), now: .start)
        // The lane keeps the member's keys until it applies the update.
        let late = try member.heartbeat()
        member.server.receive(late, from: member.path)
        #expect(member.server.lanes[member.lane].count > 0)
        member.server.settle()
        #expect(member.server.registry.memberCount == 0)
        #expect(member.server.registry.rejections[.sessionEnded] == 2)
        #expect(member.server.registry.rejections.total == 2)
        member.server.receive(late, from: member.path)
        member.server.settle()
        #expect(member.server.registry.rejections[.sessionEnded] == 3)
        #expect(member.server.lanes.allSatisfy { $0.count == 0 })
    }

    @Test("the keys of a session are wiped when it has ended and its lane has dropped it")
    func keysAreReleased() throws {
        var member = try LaneMember()
        let secrets = SecretReferences(in: member.server.lanes)
        #expect(secrets.count > 4 && secrets.areAllAlive)
        member.server.registry.setRoster(Roster(authorized: [:]), now: .start)
        member.server.settle()
        #expect(secrets.areAllWiped)
    }

    @Test("the datagram of a member that comes to the registry instead of its lane is refused")
    func wrongLoop() throws {
        var member = try LaneMember()
        let heartbeat = try member.heartbeat()
        member.server.registry.handle(heartbeat.span, path: member.path, now: .start)
        #expect(member.server.registry.rejections[.misdirected] == 1)
        // The refusal did not mark the counter and the number of the datagram as used. So the lane accepts the
        // datagram.
        member.server.receive(heartbeat, from: member.path)
        member.server.settle()
        #expect(member.server.registry.rejections.total == 1)
    }
}
