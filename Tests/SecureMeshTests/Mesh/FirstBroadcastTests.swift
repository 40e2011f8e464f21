import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests the first broadcast in a large mesh. The peer's processor takes time: each primitive and each sent datagram
/// advances the virtual clock by its measured cost (`Costs`).
@Suite("The first broadcast in a large mesh") struct FirstBroadcastTests {
    /// A peer on a processor of its own, in a mesh whose server sends PULSEs on time.
    private struct Member {
        let mesh: ScriptedMesh
        let meter: MeteredPrimitives
        let costs: Costs
        let digest: Bytes32
        var client: ScriptedMesh.Client
        var nextPulse: Instant
        /// The counter of the newest CONFIRM or heartbeat, which the next PULSE echoes.
        var newestHeartbeat: UInt64 = 1
        /// The instants at which the heartbeats were sent.
        var heartbeats: [Instant] = []
        var messages = 0
        /// True as long as no message left before a heartbeat of the same call.
        var heartbeatsAreFirst = true

        mutating func broadcast() throws -> Int {
            let count = try client.machine.broadcast([1], limit: PeerMessage.ordinaryBody, now: mesh.now)
            try work()
            return count
        }

        /// Handles PULSEs and timeouts, in the order in which they are due, until `end`. If one is due during a call of
        /// the machine, it is handled after that call.
        mutating func run(until end: Instant) throws {
            while true {
                let next = min(nextPulse, client.machine.nextDeadline ?? nextPulse)
                guard max(next, mesh.now) < end else { return }
                mesh.now = max(next, mesh.now)
                if next == nextPulse {
                    let (echo, digest) = (newestHeartbeat, digest)
                    let pulse = client.server?.pulse(echo: echo, token: 1, version: 2, digest: digest)
                    // The CPU time of the server does not count, so it is discarded.
                    let bytes = try #require(pulse).bytes
                    _ = meter.take()
                    mesh.hand(bytes, to: &client)
                    nextPulse = nextPulse + ProtocolConstants.heartbeatInterval
                } else {
                    client.machine.handleTimeout(now: mesh.now)
                }
                try work()
            }
        }

        /// Advances the clock by the CPU time of the call that has just ended, and by the time to send each datagram.
        private mutating func work() throws {
            let datagrams = mesh.transmits(&client)
            mesh.now = mesh.now + .nanoseconds(meter.take())
            var hasMessages = false
            for datagram in datagrams {
                mesh.now = mesh.now + .nanoseconds(costs.transmit)
                switch Kind(rawValue: datagram[1]) {
                case .heartbeat:
                    newestHeartbeat = try Datagram(decoding: datagram.span).header.counter
                    heartbeats.append(mesh.now)
                    heartbeatsAreFirst = heartbeatsAreFirst && !hasMessages
                case .message:
                    messages += 1
                    hasMessages = true
                default: break
                }
            }
        }
    }

    private static let entries = 10_000

    @Test("the first broadcast to 10,000 members delays no heartbeat by 100 ms, also on a slow processor")
    func heartbeats() throws {
        let costs = Costs.measured.times(2)
        let meter = MeteredPrimitives(InsecureTestCrypto(), costs: costs)
        let mesh = ScriptedMesh(seed: 11, primitives: meter)
        var client = try mesh.peer("a")
        let entries = [try mesh.join(&client)] + (try mesh.strangers(Self.entries))
        try mesh.tell(&client, entries, version: 2)
        _ = mesh.transmits(&client)
        _ = meter.take()
        let start = mesh.now
        var speaker = Member(
            mesh: mesh, meter: meter, costs: costs,
            digest: mesh.pulse(number: 0, version: 2, of: entries).digest, client: client, nextPulse: start)
        // A copy of the peer that sends no message shows when each heartbeat is due.
        var silent = speaker
        // The whole broadcast takes about 3 s.
        let end = start + .seconds(6)
        try silent.run(until: end)
        mesh.now = start
        _ = meter.take()
        #expect(try speaker.broadcast() == Self.entries)
        try speaker.run(until: end)
        #expect(speaker.messages == Self.entries)
        #expect(speaker.heartbeatsAreFirst)
        #expect(silent.heartbeats.count >= 10)
        #expect(speaker.heartbeats.count == silent.heartbeats.count)
        for (sent, due) in zip(speaker.heartbeats, silent.heartbeats) { #expect(sent - due < .milliseconds(100)) }
        #expect(speaker.client.machine.isConnected)
    }
}
