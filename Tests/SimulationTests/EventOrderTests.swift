import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests the rules by which the simulator checks the order of the events of peers and servers.
@Suite("Event order") struct EventOrderTests {
    private static let address = TestMesh.address(1)

    /// Returns a text for each fault in the order of `events`. All these events belong to one session.
    private func faults(_ events: [PeerEvent]) throws -> [String] {
        var order = EventOrder()
        let session = SessionID(rawValue: 1)
        return events.compactMap { order.take($0, in: session) }
    }

    private func member(_ name: String) throws -> Member {
        var random = RandomSource.seeded(UInt64(name.utf8.first ?? 0))
        return Member(name: try PeerName(name), publicKey: random.signingKey().publicKey, address: Self.address)
    }

    @Test("the events of a membership in their order have no fault") func sound() throws {
        let (a, b) = (try member("a"), try member("b"))
        let events: [PeerEvent] = [
            .unanswered(attempts: 1), .dismissed(.expired), .joined(address: Self.address), .memberJoined(a),
            .memberRejoined(a, previousName: nil), .connectionLost, .memberJoined(b), .connectionRecovered,
            .memberLeft(a, reason: nil), .memberJoined(a), .connectionLost, .dismissed(.stopping), .left,
        ]
        #expect(try faults(events).isEmpty)
    }

    private func message(from sender: Member) -> PeerEvent {
        .message(ReceivedMessage(sender: sender, number: 1, isBroadcast: true, body: []))
    }

    @Test("a change of members in a new session before its `joined` is a fault, also after a lost connection")
    func early() throws {
        let (a, b) = (try member("a"), try member("b"))
        var order = EventOrder()
        #expect(order.take(.joined(address: Self.address), in: SessionID(rawValue: 1)) == nil)
        #expect(order.take(.connectionLost, in: SessionID(rawValue: 1)) == nil)
        #expect(order.take(.memberJoined(a), in: nil) == nil)
        #expect(order.take(message(from: a), in: SessionID(rawValue: 2)) == nil)
        #expect(order.take(.memberJoined(b), in: SessionID(rawValue: 2)) != nil)
        #expect(order.take(.joined(address: Self.address), in: SessionID(rawValue: 2)) == nil)
    }

    @Test("each event out of its order is a fault") func unsound() throws {
        let (joined, a) = (PeerEvent.joined(address: Self.address), try member("a"))
        let stories: [[PeerEvent]] = [
            [joined, joined], [.connectionLost], [joined, .connectionRecovered],
            [joined, .connectionLost, .connectionLost],
            [.memberJoined(a)], [joined, .dismissed(.expired), .memberJoined(a)],
            [joined, .memberJoined(a), .memberJoined(a)], [joined, .memberLeft(a, reason: nil)],
            [joined, .memberRejoined(a, previousName: nil)], [joined, message(from: a)],
            [.left, .refused(.busy, retryAfter: .zero)],
            [.ended(.notAuthorized), .left], [.missed(1)],
        ]
        for story in stories { #expect(try faults(story).count == 1, "\(story)") }
    }

    @Test("a peer that may speak and has not said so, and a set of members that the events do not give, are faults")
    func compared() throws {
        let session = SessionID(rawValue: 1)
        let a = try member("a")
        var order = EventOrder()
        #expect(order.check(session: session, isMember: false) { [] } == nil)
        #expect(order.check(session: session, isMember: true) { [] } != nil)
        #expect(order.checkJoined(session: session, isMember: true) != nil)
        _ = order.take(.joined(address: Self.address), in: session)
        #expect(order.check(session: session, isMember: true) { [] } == nil)
        _ = order.take(.memberJoined(a), in: session)
        #expect(order.check(session: session, isMember: true) { [] } != nil)
        order.directoryChanged()
        #expect(order.check(session: session, isMember: true) { [a.publicKey] } == nil)
    }

    /// A member with the name and the address of `a`, and the key of `b`.
    private func renamed(_ b: Member, as a: Member) -> Member {
        Member(name: a.name, publicKey: b.publicKey, address: a.address)
    }

    @Test("a name that moves after the event of its new owner, or from a key that did not have it, is a fault")
    func names() throws {
        let (joined, a, b) = (PeerEvent.joined(address: Self.address), try member("a"), try member("b"))
        let moves = PeerEvent.nameMoved(a.name, from: a.publicKey, to: b.publicKey)
        let left = PeerEvent.memberLeft(a, reason: .left)
        let owns = PeerEvent.memberJoined(renamed(b, as: a))
        #expect(try faults([joined, .memberJoined(a), left, moves, owns]).isEmpty)
        // The name moves on while the events of its second owner are not reported.
        let c = try member("c")
        let moveFromB = PeerEvent.nameMoved(a.name, from: b.publicKey, to: c.publicKey)
        let last = PeerEvent.memberJoined(renamed(c, as: a))
        #expect(try faults([joined, .memberJoined(a), left, moves, moveFromB, last]).isEmpty)
        #expect(try faults([joined, .memberJoined(a), left, owns, moves]).count == 2)
        #expect(try faults([joined, .memberJoined(a), left, owns]).count == 1)
        #expect(try faults([joined, .memberJoined(a), moveFromB]).count == 1)
        let rejoins = PeerEvent.memberRejoined(renamed(b, as: a), previousName: b.name)
        #expect(try faults([joined, .memberJoined(a), .memberJoined(b), rejoins]).count == 1)
    }

    /// Returns a text for each fault in the order of a server's events.
    private func serverFaults(_ events: [ServerEvent], whenStopping last: [ServerEvent] = []) -> [String] {
        var order = ServerEventOrder()
        return events.compactMap { order.take($0) } + last.compactMap { order.take($0, isStopping: true) }
    }

    @Test("the events of a server in their order have no fault") func soundServer() throws {
        let (a, b) = (try member("a"), try member("b"))
        let events: [ServerEvent] = [
            .turnedAway(name: a.name, publicKey: a.publicKey, .busy), .joined(a), .joined(b),
            .directoryStalled(a, for: .seconds(5)), .left(a, .replaced), .joined(renamed(a, as: b)), .suspected(2),
            .suspicionEnded(returned: 1, ended: 1), .left(b, .expired), .suspected(1),
        ]
        #expect(serverFaults(events, whenStopping: [.left(renamed(a, as: b), .stopping)]).isEmpty)
    }

    @Test("each event of a server out of its order is a fault") func unsoundServer() throws {
        let (a, b) = (try member("a"), try member("b"))
        let stories: [[ServerEvent]] = [
            [.left(a, .expired)], [.joined(a), .joined(a)], [.joined(a), .joined(renamed(a, as: b))],
            [.joined(a), .left(a, .expired), .left(a, .expired)], [.joined(a), .left(renamed(a, as: b), .replaced)],
            [.directoryStalled(a, for: .seconds(5))], [.joined(a), .left(a, .left), .unreachable(a, .forbidden)],
            [.suspicionEnded(returned: 0, ended: 0)], [.suspected(1), .suspected(2)],
            [.suspected(1), .suspicionEnded(returned: 1, ended: 0), .suspicionEnded(returned: 1, ended: 0)],
            [.missed(1)],
        ]
        for story in stories { #expect(serverFaults(story).count == 1, "\(story)") }
        #expect(serverFaults([.joined(a)], whenStopping: [.joined(b)]).count == 1)
        #expect(serverFaults([.joined(a)], whenStopping: [.unreachable(a, .forbidden)]).count == 1)
    }

    @Test("a suspicion that the events do not report is a fault, and so is a reported one that has ended")
    func suspicion() throws {
        var order = ServerEventOrder()
        #expect(order.check(isSuspected: false) == nil && order.check(isSuspected: true) != nil)
        _ = order.take(.suspected(3))
        #expect(order.check(isSuspected: true) == nil && order.check(isSuspected: false) != nil)
        _ = order.take(.suspicionEnded(returned: 3, ended: 0))
        #expect(order.check(isSuspected: false) == nil)
    }

    @Test("a server that stops without `left` for each of its members is a fault") func stopped() throws {
        let a = try member("a")
        var order = ServerEventOrder()
        _ = order.take(.joined(a))
        #expect(order.checkStopped() != nil)
        _ = order.take(.left(a, .stopping), isStopping: true)
        #expect(order.checkStopped() == nil)
    }
}
