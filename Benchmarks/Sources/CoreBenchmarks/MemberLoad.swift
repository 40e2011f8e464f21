#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

internal import CLoopback
internal import SecureMeshCore

/// Members of a real server on 127.0.0.1. They join, open each PULSE and sign each heartbeat, as peers do. They keep no
/// directory. An option decides if they verify the server's signatures.
///
/// All members share one thread and one socket, but each member has its own address.
@safe struct MemberLoad {
    private let socket: CInt
    private let port: UInt16
    private let clock = ContinuousClock()
    private let origin: ContinuousClock.Instant
    private var members: [LightweightMember] = []
    /// A timer wheel. Slot N contains the members whose deadline in milliseconds is N modulo the number of slots.
    private var slots: [[Int]] = Array(repeating: [], count: Self.slotCount)
    private var deadlines: [Int64] = []
    private var outgoing: [(member: Int, bytes: [UInt8])] = []
    private var lastPulse: [Instant?] = []
    private var buffer: UnsafeMutablePointer<loopback_datagram>

    /// The state of a member that leaves out every second heartbeat. The server answers the heartbeat after a missing
    /// one at once, so the delay of this answer can be measured.
    private struct Probe {
        var isLost = false
        var sentAt: Instant?
        var echo: UInt64 = 0
    }

    private var probes: [Int: Probe] = [:]
    private var delays: [Duration] = []
    private var sent = 0
    private var pulses = 0
    private var goodbyes = 0
    private var signatures = SignatureSamples()
    private var verifications: [Duration] = []

    /// The number of verifications that are timed together, after each `verificationPause`.
    private static let verificationsInARow = 8
    private static let verificationPause = Duration.milliseconds(50)
    private static let slotCount = 4_096
    private static let batch = 64
    private static let probeEvery = 50

    private init?(port: UInt16) {
        socket = loopback_open(port)
        guard socket >= 0 else { return nil }
        self.port = port
        origin = clock.now
        unsafe buffer = .allocate(capacity: Self.batch)
        unsafe buffer.initialize(repeating: loopback_datagram(), count: Self.batch)
    }

    /// - Parameter arguments: The port and the key of the server, the number of members, the duration in seconds or
    ///   `blast`, and `verify` or `trust`.
    static func run(_ arguments: [String]) {
        guard arguments.count == 5, ["verify", "trust"].contains(arguments[4]),
            let port = UInt16(arguments[0]), let key = try? PublicKey(arguments[1]),
            let count = Int(arguments[2]), var load = MemberLoad(port: port)
        else {
            print("CoreBenchmarks: error: --load PORT KEY N SECONDS|blast verify|trust")
            exit(64)
        }
        load.join(count, key, verifies: arguments[4] == "verify")
        if arguments[3] == "blast" {
            load.blast()
        } else {
            load.live(for: .seconds(Int(arguments[3]) ?? 10))
        }
    }

    private var now: Instant { Instant(nanoseconds: (clock.now - origin).wholeNanoseconds) }

    /// Lets `count` members join, at most 64 at a time, and waits until each member has received a PULSE.
    private mutating func join(_ count: Int, _ server: PublicKey, verifies: Bool) {
        let address = SocketAddress(ip: .v4(0x7F00_0001), port: port)
        while lastPulse.count(where: { $0 != nil }) < count {
            let waiting = members.count - lastPulse.count(where: { $0 != nil })
            if members.count < count, waiting < 64 {
                guard let name = try? PeerName("m\(members.count)") else { return }
                let own = SocketAddress(ip: .v4(0x7F01_0000 + UInt32(members.count)), port: 1)
                var configuration = Peer.Configuration(
                    key: SigningKey(), name: name, servers: [server], server: address)
                if !verifies { configuration.primitives = TrustingPrimitives() }
                members.append(LightweightMember(configuration, at: own, random: .system, now: now))
                lastPulse.append(nil)
                deadlines.append(.min)
                handleTimeout(of: members.count - 1)
            }
            turn(waiting: members.count == count || waiting >= 64)
        }
        for index in stride(from: 0, to: count, by: Self.probeEvery) { probes[index] = Probe() }
        print("joined \(count) in \(now.nanoseconds / 1_000_000) ms")
        fflush(nil)
    }

    /// Lets the members send heartbeats for a time. Then prints the numbers of datagrams, the delays of the server's
    /// answers, and the median CPU time of a verification meanwhile.
    private mutating func live(for duration: Duration) {
        // After this time, the server has sent all changes of the directory to all members.
        let settled = now + .seconds(5)
        while now < settled { turn(waiting: true) }
        print("begins")
        fflush(nil)
        (sent, pulses, goodbyes, delays) = (0, 0, 0, [])
        let start = now
        let end = start + duration
        var latest = start
        var longest = Duration.zero
        var timedAt = start
        while now < end {
            turn(waiting: true)
            longest = max(longest, now - latest)
            latest = now
            if latest - timedAt >= Self.verificationPause {
                timedAt = latest
                timeVerification()
            }
        }
        let silent = lastPulse.count(where: { $0.map { now - $0 > .seconds(3) } ?? true })
        delays.sort()
        verifications.sort()
        let verification = verifications.isEmpty ? .zero : verifications[verifications.count / 2]
        func delay(_ share: Double) -> Int64 {
            delays.isEmpty ? -1 : delays[min(Int(Double(delays.count) * share), delays.count - 1)].wholeNanoseconds
        }
        print(
            """
            {"heartbeats": \(sent), "pulses": \(pulses), "goodbyes": \(goodbyes), "silent": \(silent), \
            "probes": \(delays.count), "p50": \(delay(0.5)), "p99": \(delay(0.99)), "max": \(delay(1)), \
            "longestTurn": \(longest.wholeNanoseconds), "verification": \(verification.wholeNanoseconds), \
            "nanoseconds": \((now - start).wholeNanoseconds)}
            """)
    }

    /// Measures the CPU time of a verification, under the same load of the machine as that of the server.
    private mutating func timeVerification() {
        let before = ThreadClock.now
        for _ in 0..<Self.verificationsInARow { precondition(signatures.verify(), "a valid signature is refused") }
        verifications.append((ThreadClock.now - before) / Self.verificationsInARow)
    }

    /// Sends heartbeats that were signed in advance, as fast as the server reads them. Each member sends the largest
    /// number of heartbeats that its rate limit allows in one burst. Several heartbeats of a member are sent together
    /// (UDP_SEGMENT), because this thread uses the cores of the server.
    private mutating func blast() {
        let settled = now + .seconds(3)
        while now < settled { turn(waiting: true) }
        var times = members.map { _ in now }
        var rounds: [[[UInt8]]] = []
        for _ in 0..<Limits.memberRate.burst {
            rounds.append(members.indices.map { nextHeartbeat(of: $0, after: &times[$0]) })
        }
        let bundles = stride(from: 0, to: rounds.count, by: Self.heartbeatsTogether).map { start in
            let together = rounds[start..<min(start + Self.heartbeatsTogether, rounds.count)]
            return members.indices.map { member in together.flatMap { $0[member] } }
        }
        let size = rounds[0][0].count
        precondition(rounds.joined().allSatisfy { $0.count == size }, "a member has no heartbeat to send")
        let dropped = queued().drops
        print("begins")
        fflush(nil)
        // During this pause, the caller reads the CPU times of the server.
        usleep(1_000_000)
        let begun = now
        for bundle in bundles {
            for first in stride(from: 0, to: bundle.count, by: Self.batch) {
                while queued().bytes > Self.mostQueued { usleep(1_000) }
                for (index, bytes) in bundle[first..<min(first + Self.batch, bundle.count)].enumerated() {
                    outgoing.append((first + index, bytes))
                }
                send(segment: size)
            }
        }
        while queued().bytes > 0 { usleep(1_000) }
        let elapsed = (now - begun).wholeNanoseconds
        print(
            """
            {"heartbeats": \(rounds.count * members.count), "nanoseconds": \(elapsed), \
            "lost": \(queued().drops - dropped)}
            """)
    }

    /// Returns the next heartbeat of a member; empty if no heartbeat is due within 50 s.
    ///
    /// - Parameter time: A clock of this member only, which may be ahead of the real time. Advanced in steps of 500 ms
    ///   until the heartbeat is due.
    private mutating func nextHeartbeat(of member: Int, after time: inout Instant) -> [UInt8] {
        for _ in 0..<100 {
            time = time + .milliseconds(500)
            let due = members[member].handleTimeout(now: time)
            if let heartbeat = due.first(where: { $0.count > 1 && $0[1] == Kind.heartbeat.rawValue }) {
                return heartbeat
            }
        }
        return []
    }

    private func queued() -> (bytes: Int, drops: Int) {
        var drops = 0
        let bytes = unsafe loopback_queued(port, &drops)
        return (bytes, drops)
    }

    private static let mostQueued = 2 << 20
    /// The number of heartbeats of one member that are sent together. They fit into `loopback_datagram.bytes`.
    private static let heartbeatsTogether = 8

    /// Receives datagrams, handles due timeouts, and sends the resulting datagrams.
    private mutating func turn(waiting: Bool) {
        for _ in 0..<16 {
            let count = unsafe Int(loopback_receive(socket, buffer, CInt(Self.batch), waiting ? 1 : 0))
            for index in 0..<count { receive(index) }
            send()
            if count < Self.batch { break }
        }
        let tick = now.nanoseconds / 1_000_000
        for slot in max(lastTick, tick - Int64(Self.slotCount) + 1)...tick {
            let index = Int(slot % Int64(Self.slotCount))
            let due = slots[index]
            slots[index] = []
            for member in due where deadlines[member] == slot { handleTimeout(of: member) }
        }
        lastTick = tick
        send()
    }

    private var lastTick: Int64 = 0

    private mutating func receive(_ index: Int) {
        let member = unsafe Int(buffer[index].member)
        guard member < members.count else { return }
        let size = unsafe Int(buffer[index].size)
        let bytes = unsafe withUnsafeBytes(of: &buffer[index].bytes) { unsafe [UInt8]($0.prefix(size)) }
        let now = now
        switch try? Datagram(decoding: bytes.span).header.fields {
        case .pulse(let echo, _):
            pulses += 1
            lastPulse[member] = now
            note(echo: echo, of: member, now - .nanoseconds(unsafe buffer[index].waited))
        case .goodbye: goodbyes += 1
        default: break
        }
        for answer in members[member].handle(bytes, now: now) { outgoing.append((member, answer)) }
        schedule(member)
    }

    /// Notes the answer to a heartbeat of a probe.
    ///
    /// - Parameter arrival: The time at which the answer arrived at the socket.
    private mutating func note(echo: UInt64, of member: Int, _ arrival: Instant) {
        guard var probe = probes[member], echo > probe.echo else { return }
        probe.echo = echo
        if let sentAt = probe.sentAt { delays.append(arrival - sentAt) }
        probe.sentAt = nil
        probes[member] = probe
    }

    private mutating func handleTimeout(of member: Int) {
        let now = now
        deadlines[member] = .min
        for bytes in members[member].handleTimeout(now: now) {
            if bytes.count > 1, bytes[1] == Kind.heartbeat.rawValue {
                if probes[member] != nil {
                    probes[member]?.isLost.toggle()
                    if probes[member]?.isLost == true { continue }
                    probes[member]?.sentAt = now
                }
                sent += 1
            }
            outgoing.append((member, bytes))
        }
        schedule(member)
    }

    private mutating func schedule(_ member: Int) {
        guard let deadline = members[member].deadline else { return }
        // A deadline after the last slot is checked again when the last slot is due.
        let last = lastTick + Int64(Self.slotCount) - 1
        let tick = min(max((deadline.nanoseconds + 999_999) / 1_000_000, lastTick + 1), last)
        guard deadlines[member] != tick else { return }
        deadlines[member] = tick
        slots[Int(tick % Int64(Self.slotCount))].append(member)
    }

    /// Sends the outgoing datagrams.
    ///
    /// - Parameter segment: If not 0, the elements of `outgoing` consist of several datagrams of this size.
    private mutating func send(segment: Int = 0) {
        var first = 0
        while first < outgoing.count {
            let count = min(outgoing.count - first, Self.batch)
            for index in 0..<count {
                let (member, bytes) = outgoing[first + index]
                unsafe buffer[index].member = UInt32(member)
                unsafe buffer[index].size = UInt32(bytes.count)
                unsafe buffer[index].segment = UInt16(segment)
                unsafe withUnsafeMutableBytes(of: &buffer[index].bytes) { unsafe $0.copyBytes(from: bytes) }
            }
            let sent = unsafe Int(loopback_send(socket, buffer, CInt(count)))
            precondition(segment == 0 || sent == count, "the system does not send several datagrams at once")
            first += count
        }
        outgoing.removeAll(keepingCapacity: true)
    }
}
