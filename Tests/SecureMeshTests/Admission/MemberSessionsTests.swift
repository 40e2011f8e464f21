import SecureMesh
import SelfTest
import Testing

@Suite("Member sessions")
struct MemberSessionsTests {
    @Test("a member's HEARTBEAT and LEAVE pass once")
    func passes() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let session = try Fixture.session(member.session)
        guard case .member(.heartbeat(session, let heartbeat, _)) = world.admit(member.heartbeat(2, counter: 2)) else {
            throw FixtureError(text: "refused")
        }
        #expect(heartbeat.body.number == 2)
        #expect(try world.newestNumber(of: session) == 2)
        #expect(world.refusal(of: member.heartbeat(2, counter: 2)) == .counterReplayed)
        guard case .member(.leave(session)) = world.admit(member.seal(.leave, Leave(number: 3), counter: 3)) else {
            throw FixtureError(text: "refused")
        }
        world.sessions.end(session)
        #expect(world.refusal(of: member.heartbeat(4, counter: 4)) == .sessionEnded)
    }

    @Test("CONFIRM's counter and number are used up")
    func confirmCounts() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        #expect(world.refusal(of: member.heartbeat(2, counter: 1)) == .counterReplayed)
        #expect(world.refusal(of: member.heartbeat(1, counter: 2)) == .numberStale)
    }

    @Test("a datagram from another address, of an unknown session, or altered is refused and commits nothing")
    func refusals() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let heartbeat = member.heartbeat(2, counter: 2)
        #expect(world.refusal(of: heartbeat, from: Path(remote: Fixture.address(2))) == .sourceMismatch)
        #expect(world.refusal(of: heartbeat, from: Path(socket: 1, remote: world.path.remote)) == .sourceMismatch)
        let unknown = heartbeat.replacing(at: 12, with: [UInt8](bigEndian: member.session ^ 1))
        #expect(world.refusal(of: unknown) == .unknownSession)
        #expect(world.refusal(of: heartbeat.flipping(bit: 8 * 100)) == .sealBroken)
        #expect(world.refusal(of: heartbeat) == nil)
    }

    @Test("a counter 2,047 behind the newest passes once, one 2,048 behind it does not")
    func window() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        #expect(world.refusal(of: member.heartbeat(2, counter: 5_000)) == nil)
        #expect(world.refusal(of: member.heartbeat(3, counter: 5_000 - 2_048)) == .counterTooOld)
        #expect(world.refusal(of: member.heartbeat(3, counter: 5_000 - 2_047)) == nil)
        #expect(world.refusal(of: member.heartbeat(4, counter: 5_000 - 2_047)) == .counterReplayed)
        #expect(world.refusal(of: member.heartbeat(4, counter: ProtocolConstants.counterLimit - 1)) == nil)
        #expect(world.refusal(of: member.heartbeat(5, counter: ProtocolConstants.counterLimit)) == .counterOutOfRange)
    }

    @Test("an intact seal around a wrong signature counts as misbehavior and leaves the window unchanged")
    func misbehaved() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let session = try Fixture.session(member.session)
        let forged = member.heartbeat(2, counter: 2, signedBy: Fixture.otherKey)
        guard case .member(.misbehaved(session)) = world.admit(forged) else {
            throw FixtureError(text: "not misbehaved")
        }
        #expect(try world.newestNumber(of: session) == 1)
        #expect(world.refusal(of: member.heartbeat(2, counter: 2)) == nil)
    }

    @Test("a member may send 20 datagrams at once and 10 per second")
    func rate() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        var passed: UInt64 = 0
        for number in 2..<60 as Range<UInt64> where world.refusal(of: member.heartbeat(number, counter: number)) == nil
        {
            passed += 1
        }
        #expect(passed == UInt64(Limits.memberRate.burst))
        #expect(world.refusal(of: member.heartbeat(100, counter: 100)) == .memberOverRate)
        #expect(world.refusal(of: member.heartbeat(100, counter: 100), now: .after(.milliseconds(100))) == nil)
        #expect(
            world.refusal(of: member.heartbeat(101, counter: 101), now: .after(.milliseconds(100))) == .memberOverRate)
    }

    @Test("garbage from a member's address does not use up its bucket")
    func spoofedGarbage() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let garbage = member.heartbeat(2, counter: 2).flipping(bit: 8 * 100)
        for _ in 0..<1_000 { #expect(world.refusal(of: garbage) == .sealBroken) }
        #expect(world.refusal(of: member.heartbeat(2, counter: 2)) == nil)
    }

    @Test("the server's datagrams open with the member's key, under counters 1, 2, 3 …")
    func sealed() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let signed = world.signer.sign(.pulse(echo: 0), Pulse(number: 1, token: 2, version: 3))
        for counter in UInt64(1)...3 {
            let session = try Fixture.session(member.session)
            let sealed = world.sessions.seal(signed, for: session)
            let transmit = try #require(sealed)
            #expect(transmit.path == world.path)
            let datagram = try Datagram(decoding: transmit.bytes.span)
            #expect(datagram.header.counter == counter)
            let opened = try Opened<Pulse>(
                transmit.bytes.span, datagram, key: member.keys.serverToPeer, by: Libsodium())
            #expect(try opened.verified(by: Fixture.serverKey.publicKey, in: Fixture.context).body.version == 3)
            // The server refuses its own datagram.
            #expect(world.refusal(of: transmit.bytes) == .misdirected)
        }
        let stranger = try Fixture.session(4)
        #expect(world.sessions.seal(signed, for: stranger) == nil)
    }

    @Test("only a heartbeat with a fresh token proves life")
    func life() throws {
        var world = AdmissionWorld()
        let member = try world.joined(token: 42)
        let session = try Fixture.session(member.session)
        let later = Instant.after(.milliseconds(100))
        #expect(world.refusal(of: member.heartbeat(2, counter: 2, token: 7), now: later) == nil)
        #expect(world.sessions.silent(since: later) == [session])
        #expect(world.refusal(of: member.heartbeat(3, counter: 3, token: 42), now: later) == nil)
        #expect(world.sessions.silent(since: later).isEmpty)

        // A token issued to all is as good.
        let latest = Instant.after(.milliseconds(200))
        world.sessions.issue(7, now: latest)
        #expect(world.refusal(of: member.heartbeat(4, counter: 4, token: 7), now: latest) == nil)
        #expect(world.sessions.silent(since: latest).isEmpty)
        #expect(world.sessions.silent(since: latest + .nanoseconds(1)) == [session])
    }

    @Test("sessions are listed in ascending order, and an ended one not at all")
    func listed() throws {
        var world = AdmissionWorld()
        var all: [SessionID] = []
        for number in 0..<20 as Range<UInt8> {
            world.path = Path(remote: Fixture.address(number + 1))
            let key = SigningKey(seed: [UInt8](repeating: number + 100, count: 32).span)
            let opened = try world.welcomed(.init(key: key, ephemeral: Fixture.secret(30 + number)))
            guard case .confirm(let joiner) = world.admit(opened.confirm()) else {
                throw FixtureError(text: "no CONFIRM")
            }
            world.sessions.begin(joiner, token: 1, now: .start)
            all.append(try Fixture.session(opened.session))
        }
        let later = Instant.after(.milliseconds(1))
        #expect(world.sessions.begun(before: later) == all.sorted())
        #expect(world.sessions.begun(before: .start).isEmpty)
        world.sessions.end(all[3])
        #expect(world.sessions.silent(since: later) == all.sorted().filter { $0 != all[3] })
        #expect(world.sessions.count == 19)
        #expect(world.sessions.ownToken(of: all[3]) == nil)
    }

    @Test("a heartbeat tells when the member was last repaired, and from which snapshot")
    func repairs() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let session = try Fixture.session(member.session)
        let steps: [(snapshot: UInt64?, expected: UInt64?)] = [(nil, nil), (5, 5), (nil, 5), (6, 6)]
        for (index, step) in steps.enumerated() {
            let now = Instant.after(.milliseconds(index))
            world.sessions.noteRepair(of: session, snapshot: step.snapshot, now: now)
            let number = UInt64(index + 2)
            guard case .member(.heartbeat(_, _, let repair)) = world.admit(member.heartbeat(number, counter: number))
            else { throw FixtureError(text: "refused") }
            #expect(repair.repairedAt == now && repair.snapshot == step.expected)
        }
    }
}
