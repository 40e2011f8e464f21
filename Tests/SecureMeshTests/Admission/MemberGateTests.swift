import SecureMesh
import SelfTest
import Testing

@Suite("Gates: members")
struct MemberGateTests {
    @Test("a member's heartbeats and its LEAVE pass, each once")
    func passes() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let session = try Fixture.session(member.session)
        guard case .heartbeat(session, let heartbeat) = world.admit(member.heartbeat(2, counter: 2)) else {
            throw FixtureError(text: "refused")
        }
        #expect(heartbeat.body.number == 2)
        #expect(world.admission.newestNumber(of: session) == 2)
        #expect(world.refusal(of: member.heartbeat(2, counter: 2)) == .counterReplayed)
        guard case .leave(session) = world.admit(member.seal(.leave, Leave(number: 3), counter: 3)) else {
            throw FixtureError(text: "refused")
        }
        world.admission.end(session)
        #expect(world.refusal(of: member.heartbeat(4, counter: 4)) == .sessionEnded)
    }

    @Test("CONFIRM's counter and number are used up")
    func confirmCounts() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        #expect(world.refusal(of: member.heartbeat(2, counter: 1)) == .counterReplayed)
        #expect(world.refusal(of: member.heartbeat(1, counter: 2)) == .numberStale)
    }

    @Test("a member that moved, an unknown session and an altered datagram are refused")
    func refusals() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let heartbeat = member.heartbeat(2, counter: 2)
        #expect(world.refusal(of: heartbeat, from: Path(remote: Fixture.address(2))) == .sourceMismatch)
        #expect(world.refusal(of: heartbeat, from: Path(socket: 1, remote: world.path.remote)) == .sourceMismatch)
        let unknown = heartbeat.replacing(at: 12, with: [UInt8](bigEndian: member.session ^ 1))
        #expect(world.refusal(of: unknown) == .unknownSession)
        #expect(world.refusal(of: heartbeat.flipping(bit: 8 * 100)) == .sealBroken)
        // Nothing of this used anything up.
        #expect(world.refusal(of: heartbeat) == nil)
    }

    @Test("the window: 2,047 behind the newest passes once, 2,048 does not")
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

    @Test("an intact seal around a wrong signature is the member's own doing, and leaves the window as it was")
    func misbehaved() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let session = try Fixture.session(member.session)
        guard case .misbehaved(session) = world.admit(member.heartbeat(2, counter: 2, signedBy: Fixture.otherKey))
        else { throw FixtureError(text: "not misbehaved") }
        #expect(world.admission.newestNumber(of: session) == 1)
        #expect(world.refusal(of: member.heartbeat(2, counter: 2)) == nil)
    }

    @Test("a member has 20 datagrams at once and 10 a second")
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

    @Test("garbage from a member's address uses up nothing of its rate")
    func spoofedGarbage() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let garbage = member.heartbeat(2, counter: 2).flipping(bit: 8 * 100)
        for _ in 0..<1_000 { #expect(world.refusal(of: garbage) == .sealBroken) }
        #expect(world.refusal(of: member.heartbeat(2, counter: 2)) == nil)
    }

    @Test("bytes that claim to be a member's, or an awaited CONFIRM, from the right address go before a stranger's")
    func priority() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let heartbeat = member.heartbeat(2, counter: 2)
        let admission = world.admission
        func isFirst(_ bytes: [UInt8], _ path: Path) -> Bool { admission.isExpected(bytes.span, path: path) }
        #expect(isFirst(heartbeat, world.path))
        #expect(!isFirst(heartbeat, Path(remote: Fixture.address(2))))
        #expect(!isFirst(Array(heartbeat.prefix(27)), world.path))
        #expect(!isFirst([], world.path))
        #expect(!isFirst(heartbeat.replacing(at: 12, with: [UInt8](repeating: 0, count: 8)), world.path))

        var other = AdmissionWorld()
        let awaited = try other.welcomed()
        let waiting = other.admission
        func isAwaited(_ bytes: [UInt8], _ path: Path) -> Bool { waiting.isExpected(bytes.span, path: path) }
        #expect(isAwaited(awaited.confirm(), other.path))
        #expect(!isAwaited(awaited.confirm(), Path(remote: Fixture.address(2))))
        #expect(!isAwaited(try AdmissionWorld.Joiner().hello(), other.path))
    }

    @Test("what the server seals opens with the member's key, under counters 1, 2, 3 …")
    func sealed() throws {
        var world = AdmissionWorld()
        let member = try world.joined()
        let signed = world.admission.signer.sign(.pulse, Pulse(number: 1, token: 2, version: 3))
        for counter in UInt64(1)...3 {
            let session = try Fixture.session(member.session)
            let sealed = world.admission.seal(signed, for: session, delivery: .echo(1))
            let transmit = try #require(sealed)
            #expect(transmit.path == world.path)
            let datagram = try Datagram(decoding: transmit.bytes.span)
            #expect(datagram.header.counter == counter)
            let opened = try Opened<Pulse>(transmit.bytes.span, datagram, key: member.keys.serverToPeer)
            #expect(try opened.verified(by: Fixture.serverKey.publicKey, in: Fixture.context).body.version == 3)
            // Sent back to the server it is not a member's.
            #expect(world.refusal(of: transmit.bytes) == .misdirected)
        }
        let stranger = try Fixture.session(4)
        #expect(world.admission.seal(signed, for: stranger) == nil)
    }
}
