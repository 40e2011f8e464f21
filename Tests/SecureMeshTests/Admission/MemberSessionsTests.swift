import FuzzKit
import MeshSimulator
import SecureMesh
import SelfTest
import Testing

@Suite("Member sessions")
final class MemberSessionsTests {
    private var gates: ServerGates
    private let member: ScriptedPeer

    init() throws {
        var gates = ServerGates()
        member = try gates.joined()
        self.gates = gates
    }

    @Test("a member's HEARTBEAT and LEAVE pass once")
    func passes() throws {
        let session = try #require(member.session)
        guard
            case .member(.heartbeat(let heartbeat)) = gates.admit(
                try member.heartbeatBytes(2, counter: 2), from: Fixture.path, now: .start)
        else {
            throw FixtureError(text: "refused")
        }
        #expect(heartbeat.session == session)
        #expect(heartbeat.verified.body.number == 2)
        #expect(try gates.newestNumber(of: session) == 2)
        #expect(gates.refusal(of: try member.heartbeatBytes(2, counter: 2)) == .counterReplayed)
        guard
            case .member(.leave(session)) = gates.admit(
                try #require(member.draft(.leave, Leave(number: 3), counter: 3)).bytes, from: Fixture.path, now: .start)
        else {
            throw FixtureError(text: "refused")
        }
        gates.sessions.end(session)
        #expect(gates.refusal(of: try member.heartbeatBytes(4, counter: 4)) == .sessionEnded)
    }

    @Test("the counter and the number of a CONFIRM cannot be used again")
    func confirmCounts() throws {
        #expect(gates.refusal(of: try member.heartbeatBytes(2, counter: 1)) == .counterReplayed)
        #expect(gates.refusal(of: try member.heartbeatBytes(1, counter: 2)) == .numberStale)
    }

    @Test("a datagram from another address, of an unknown session, or altered is refused and commits nothing")
    func refusals() throws {
        let heartbeat = try member.heartbeatBytes(2, counter: 2)
        #expect(gates.refusal(of: heartbeat, from: Path(remote: Fixture.address(2))) == .sourceMismatch)
        #expect(gates.refusal(of: heartbeat, from: Path(socket: 1, remote: Fixture.path.remote)) == .sourceMismatch)
        let unknown = heartbeat.replacing(at: 12, with: [UInt8](bigEndian: try #require(member.session).rawValue ^ 1))
        #expect(gates.refusal(of: unknown) == .unknownSession)
        #expect(gates.refusal(of: heartbeat.flipping(bit: 8 * 100)) == .sealBroken)
        #expect(gates.refusal(of: heartbeat) == nil)
    }

    @Test("a counter 2,047 behind the newest passes once, one 2,048 behind it does not")
    func window() throws {
        #expect(gates.refusal(of: try member.heartbeatBytes(2, counter: 5_000)) == nil)
        #expect(gates.refusal(of: try member.heartbeatBytes(3, counter: 5_000 - 2_048)) == .counterTooOld)
        #expect(gates.refusal(of: try member.heartbeatBytes(3, counter: 5_000 - 2_047)) == nil)
        #expect(gates.refusal(of: try member.heartbeatBytes(4, counter: 5_000 - 2_047)) == .counterReplayed)
        #expect(gates.refusal(of: try member.heartbeatBytes(4, counter: ProtocolConstants.counterLimit - 1)) == nil)
        #expect(
            gates.refusal(of: try member.heartbeatBytes(5, counter: ProtocolConstants.counterLimit))
                == .counterOutOfRange)
    }

    @Test("an intact seal around a wrong signature counts as misbehavior and leaves the window unchanged")
    func misbehaved() throws {
        let session = try #require(member.session)
        let forged = try member.heartbeatBytes(2, counter: 2, signedBy: Fixture.otherKey)
        guard case .member(.misbehaved(session)) = gates.admit(forged, from: Fixture.path, now: .start) else {
            throw FixtureError(text: "not misbehaved")
        }
        #expect(try gates.newestNumber(of: session) == 1)
        #expect(gates.refusal(of: try member.heartbeatBytes(2, counter: 2)) == nil)
    }

    @Test("a member may send 40 datagrams at once and 10 per second")
    func rate() throws {
        var passed: UInt64 = 0
        for number in 2..<60 as Range<UInt64>
        where gates.refusal(of: try member.heartbeatBytes(number, counter: number)) == nil {
            passed += 1
        }
        #expect(passed == UInt64(Limits.memberRate.burst))
        #expect(gates.refusal(of: try member.heartbeatBytes(100, counter: 100)) == .memberOverRate)
        #expect(gates.refusal(of: try member.heartbeatBytes(100, counter: 100), now: .after(.milliseconds(100))) == nil)
        #expect(
            gates.refusal(of: try member.heartbeatBytes(101, counter: 101), now: .after(.milliseconds(100)))
                == .memberOverRate)
    }

    @Test("garbage from a member's address does not use up its bucket")
    func spoofedGarbage() throws {
        let garbage = try member.heartbeatBytes(2, counter: 2).flipping(bit: 8 * 100)
        for _ in 0..<1_000 { #expect(gates.refusal(of: garbage) == .sealBroken) }
        #expect(gates.refusal(of: try member.heartbeatBytes(2, counter: 2)) == nil)
    }

    @Test("the server's datagrams open with the member's key, under counters 1, 2, 3 …")
    func sealed() throws {
        let signed = gates.signer.sign(.pulse(echo: 0, token: 2), Pulse(number: 1, version: 3))
        for counter in UInt64(1)...3 {
            let session = try #require(member.session)
            let sealed = gates.sessions.seal(signed, for: session)
            let transmit = try #require(sealed)
            #expect(transmit.path == Fixture.path)
            let datagram = try Datagram(decoding: transmit.bytes.span)
            #expect(datagram.header.counter == counter)
            #expect(try member.open(Pulse.self, transmit.bytes).version == 3)
            // The server refuses its own datagram.
            expectRefusal(.misdirected) { () throws(Rejection) in
                try gates.sessions.admit(transmit.bytes.span, datagram, path: Fixture.path, now: .start)
            }
        }
        let stranger = try Fixture.session(4)
        #expect(gates.sessions.seal(signed, for: stranger) == nil)
    }

    @Test("only a heartbeat with a fresh token of this member proves life")
    func life() throws {
        let session = try #require(member.session)
        let other = try gates.joined(
            .joiner(key: Fixture.otherKey, ephemeral: Fixture.secret(31)), from: Path(remote: Fixture.address(9)))
        let others = try gates.token(for: #require(other.session))
        let own = try gates.token(for: session)
        let later = Instant.after(.milliseconds(100))
        for (number, token) in [(2, 7), (3, others)] as [(UInt64, UInt64)] {
            let heartbeat = try member.heartbeatBytes(number, counter: number, token: token)
            #expect(gates.refusal(of: heartbeat, now: later) == nil)
            #expect(gates.sessions.silent(since: later).contains(session))
        }
        #expect(gates.refusal(of: try member.heartbeatBytes(4, counter: 4, token: own), now: later) == nil)
        #expect(!gates.sessions.silent(since: later).contains(session))

        // The next secret changes the token. The previous token stays fresh until its lifetime ends.
        let latest = Instant.after(.milliseconds(200))
        gates.sessions.issue(gates.random.secret(), version: 1, now: latest)
        let next = try gates.token(for: session)
        #expect(next != own)
        let end = Instant.start + ProtocolConstants.lifetime
        let steps = [(next, latest, true), (own, end, true), (own, end + .nanoseconds(1), false)]
        for (index, (token, now, isLife)) in steps.enumerated() {
            let number = UInt64(5 + index)
            #expect(
                gates.refusal(of: try member.heartbeatBytes(number, counter: number, token: token), now: now) == nil)
            #expect(!gates.sessions.silent(since: now).contains(session) == isLife)
        }
    }

    @Test("sessions are listed in ascending order, and an ended one not at all")
    func listed() throws {
        var gates = ServerGates()
        var all: [SessionID] = []
        for number in 0..<20 as Range<UInt8> {
            let path = Path(remote: Fixture.address(number + 1))
            let joiner = try ScriptedPeer.joiner(
                key: Fixture.key(number + 100), ephemeral: Fixture.secret(30 + number))
            let member = try gates.joined(joiner, from: path)
            all.append(try #require(member.session))
        }
        let later = Instant.after(.milliseconds(1))
        #expect(gates.sessions.begun(before: later) == all.sorted())
        #expect(gates.sessions.begun(before: .start).isEmpty)
        gates.sessions.end(all[3])
        #expect(gates.sessions.silent(since: later) == all.sorted().filter { $0 != all[3] })
        #expect(gates.sessions.count == 19)
    }
}
