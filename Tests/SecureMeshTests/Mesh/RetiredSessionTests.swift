import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests that the keys and counters of a pair are never started again, whatever the server lists (PROTOCOL.md, section
/// 7.1).
@Suite("Pairs that have ended") struct RetiredSessionTests {
    private let mesh = TestMesh()
    private let hand: ScriptedMember
    /// The only other member.
    private let peer: TestPeer
    private let entry: Entry

    init() throws {
        peer = try mesh.join(1)[0]
        hand = try mesh.joinScripted()
        entry = try hand.entry(of: peer)
    }

    private func pairs() throws -> Pairs {
        let (attempt, membership) = (try #require(hand.peer.attempt), try #require(hand.peer.membership))
        let identity = LocalIdentity(
            session: membership.session, ephemeral: attempt.ephemeral,
            publicKey: hand.key.publicKey, context: hand.peer.context)
        return Pairs(identity: identity, messageLimits: MessageLimits())
    }

    private func signed() throws -> SignedPayload {
        let session = try #require(hand.peer.session).rawValue
        return Signer(key: hand.key, context: hand.peer.context, from: session)
            .sign(.message, PeerMessage(audience: nil, number: 1, body: []))
    }

    @Test("no message is sealed for a session that is listed again") func outbound() throws {
        var pairs = try pairs()
        var budget = SealBudget()
        let first = try pairs.seal(signed(), for: entry, charging: &budget)
        let second = try pairs.seal(signed(), for: entry, charging: &budget)
        #expect(first[..<Header.size] != second[..<Header.size])
        pairs.end(entry.session, replaced: nil, now: mesh.now)
        #expect(throws: SealError.noKey(.sessionRetired)) {
            try pairs.seal(signed(), for: entry, charging: &budget)
        }
    }

    @Test("no message for one member is sealed with the key of another that a lying server listed under its session")
    func otherMember() throws {
        var pairs = try pairs()
        var budget = SealBudget()
        _ = try pairs.seal(signed(), for: entry, charging: &budget)
        for change in [\Entry.identity, nil] {
            var other = entry
            if let change {
                other[keyPath: change] = hand.key.publicKey
            } else {
                other.agreementKey = try #require(hand.peer.attempt).ephemeral.agreementPublicKey
            }
            #expect(throws: SealError.noKey(.bindingInvalid)) {
                try pairs.seal(signed(), for: other, charging: &budget)
            }
        }
        _ = try pairs.seal(signed(), for: entry, charging: &budget)
    }

    @Test("no message of a session that is listed again is accepted twice", arguments: [false, true])
    func inbound(wasReplaced: Bool) throws {
        try mesh.broadcast("once", from: peer)
        let message = try hand.received(.message)
        let datagram = try Datagram(decoding: message.span)
        var directory = DirectoryReplica(of: hand.key.publicKey)
        _ = try directory.apply(Snapshot(version: 2, part: 0, parts: 1, entries: [entry]), now: .start)
        var pairs = try pairs()
        let admit = { (now: Instant) throws(Rejection) -> AdmittedMessage in
            try pairs.admitMessage(message.span, datagram, from: entry.address, held: directory, now: now)
        }
        #expect(try admit(mesh.now).message.body == Array("once".utf8))
        pairs.end(entry.session, replaced: wasReplaced ? SharedEntry(entry) : nil, now: mesh.now)
        // The peer keeps the replay window of a replaced session for a while, because messages of that session may
        // still arrive.
        let soon: Rejection = wasReplaced ? .counterReplayed : .directoryContradiction
        #expect(throws: soon) { try admit(mesh.now) }
        #expect(throws: Rejection.directoryContradiction) { try admit(mesh.now + ProtocolConstants.pairLingering) }
    }

    /// Returns a directory whose only member is `listed`.
    private func directory(_ listed: Entry) throws -> DirectoryReplica {
        var directory = DirectoryReplica(of: hand.key.publicKey)
        _ = try directory.apply(Snapshot(version: 2, part: 0, parts: 1, entries: [listed]), now: .start)
        return directory
    }

    @Test("the first message of a replaced session is accepted once, even if the server lists the session again")
    func stranger() throws {
        try mesh.broadcast("once", from: peer)
        let message = try hand.received(.message)
        let datagram = try Datagram(decoding: message.span)
        var newer = entry
        newer.session = try sessions(7)[0]
        let (present, again) = (try directory(newer), try directory(entry))
        let over = mesh.now + ProtocolConstants.pairLingering

        func admit(_ pairs: inout Pairs, _ directory: DirectoryReplica, _ now: Instant) throws(Rejection) {
            _ = try pairs.admitMessage(message.span, datagram, from: entry.address, held: directory, now: now)
        }
        var pairs = try pairs()
        pairs.end(entry.session, replaced: SharedEntry(entry), now: mesh.now)
        var (listed, late, gone) = (pairs, pairs, pairs)
        try admit(&pairs, present, mesh.now)
        #expect(throws: Rejection.counterReplayed) { try admit(&pairs, present, mesh.now) }
        #expect(throws: Rejection.counterReplayed) { try admit(&pairs, again, mesh.now) }
        pairs.expire(now: over)
        #expect(pairs.deadline == nil)
        #expect(throws: Rejection.unknownSender) { try admit(&pairs, present, over) }
        #expect(throws: Rejection.directoryContradiction) { try admit(&pairs, again, over) }

        // The server lists the session again before the first message arrives. The pair is then an ordinary one.
        try admit(&listed, again, mesh.now)
        listed.expire(now: over)
        #expect(throws: Rejection.counterReplayed) { try admit(&listed, again, over) }

        #expect(throws: Rejection.unknownSender) { try admit(&late, present, over) }
        let nobody = DirectoryReplica(of: hand.key.publicKey)
        #expect(throws: Rejection.unknownSender) { try admit(&gone, nobody, mesh.now) }
    }

    @Test("a key is never used with an entry whose binding was not verified, although the sessions have one number")
    func listedWithOtherEntry() throws {
        try mesh.broadcast("hi", from: peer)
        let message = try hand.received(.message)
        var garbage = message
        garbage[garbage.count - 1] ^= 1
        var newer = entry
        newer.session = try sessions(7)[0]
        var (other, renamed) = (entry, entry)
        other.identity = mesh.makeKey().publicKey
        renamed.name = try PeerName("renamed")
        func admit(_ pairs: inout Pairs, _ bytes: [UInt8], _ listed: Entry) throws(Rejection) {
            guard let directory = try? directory(listed) else { throw .unknownSender }
            let datagram = try Datagram(decoding: bytes.span)
            _ = try pairs.admitMessage(bytes.span, datagram, from: entry.address, held: directory, now: mesh.now)
        }
        for lie in [other, renamed] {
            var replaced = try pairs()
            replaced.end(entry.session, replaced: SharedEntry(entry), now: mesh.now)
            #expect(throws: Rejection.sealBroken) { try admit(&replaced, garbage, newer) }
            #expect(throws: Rejection.bindingInvalid) { try admit(&replaced, message, lie) }
            // An entry that has been corrected is tried again.
            #expect(throws: Never.self) { try admit(&replaced, message, entry) }

            var listed = try pairs()
            #expect(throws: Rejection.sealBroken) { try admit(&listed, garbage, entry) }
            #expect(throws: Rejection.bindingInvalid) { try admit(&listed, message, lie) }
            #expect(throws: Never.self) { try admit(&listed, message, entry) }
        }
    }

    @Test("a replaced session with an invalid binding is tried once") func badStranger() throws {
        try mesh.broadcast("hi", from: peer)
        let message = try hand.received(.message)
        let datagram = try Datagram(decoding: message.span)
        var (bad, newer) = (entry, entry)
        bad.name = try PeerName("renamed")
        newer.session = try sessions(7)[0]
        let present = try directory(newer)
        var pairs = try pairs()
        pairs.end(entry.session, replaced: SharedEntry(bad), now: mesh.now)
        for refusal: Rejection in [.bindingInvalid, .unknownSender] {
            #expect(throws: refusal) {
                try pairs.admitMessage(message.span, datagram, from: entry.address, held: present, now: mesh.now)
            }
        }
    }

    @Test("the number of replaced sessions whose first messages are accepted has a limit") func strangers() throws {
        var pairs = try pairs()
        let shared = (1...UInt64(Limits.replacedStrangers) + 1).map { number in
            var entry = entry
            entry.session = SessionID(rawValue: number) ?? entry.session
            return SharedEntry(entry)
        }
        for shared in shared { pairs.end(shared.entry.session, replaced: shared, now: mesh.now) }
        let usage = try #require(pairs.usages.first { $0.name == "replaced strangers" })
        #expect(usage.count == Limits.replacedStrangers && usage.limit == Limits.replacedStrangers)
        pairs.expire(now: mesh.now + ProtocolConstants.pairLingering)
        #expect(pairs.usages.allSatisfy { $0.count == 0 })
    }

    @Test("messages of a replaced session are refused once its peer is no longer a member") func revoked() throws {
        let messages = try (1...3).map { try hand.message("hi", to: peer, audience: nil, number: $0) }
        mesh.inject(messages[0], from: .place, to: peer.address)
        mesh.run(for: .milliseconds(50))
        try hand.join()
        mesh.run(for: .milliseconds(50))
        mesh.inject(messages[1], from: .place, to: peer.address)
        mesh.run(for: .zero)
        #expect(peer.messages.count == 2)
        mesh.setRoster(Roster(authorized: [peer.publicKey: peer.name]))
        mesh.run(for: .milliseconds(50))
        mesh.inject(messages[2], from: .place, to: peer.address)
        mesh.run(for: .zero)
        #expect(peer.messages.count == 2)
        #expect(peer.machine.rejections[.unknownSender] == 1)
    }

    @Test("a peer that can remember no more ended pairs joins again and makes no new pairs until then")
    func exhausted() throws {
        let configuration = Peer.Configuration(
            key: hand.key, name: hand.peer.name, servers: [mesh.serverKey.publicKey], server: TestMesh.server)
        var joining = Joining(configuration)
        joining.start(at: mesh.now)
        let hello = try #require(joining.poll(now: mesh.now, random: &mesh.random).first).bytes
        hand.inject(hello)
        let attempt = try joining.attempt(tagged: Handshake.tag(of: hello))
        let welcome = try hand.received(.welcome)
        let datagram = try Datagram(decoding: welcome.span)
        let serverKey = try #require(datagram.header.ephemeral)
        var session = ServerSession(
            try attempt.openWelcome(welcome.span, datagram, serverKey: serverKey), attempt, configuration,
            pairLimit: 1, random: &mesh.random, now: mesh.now)
        var budget = SealBudget()
        _ = try session.seal(signed(), for: entry, charging: &budget)
        #expect(session.rekeyAt > mesh.now)
        session.end(entry.session, replaced: nil, now: mesh.now)
        #expect(session.rekeyAt <= mesh.now)
        var other = entry
        other.session = try sessions(7)[0]
        #expect(throws: SealError.noKey(.pairsExhausted)) {
            try session.seal(signed(), for: other, charging: &budget)
        }
    }

    @Test("a peer without a session seals nothing") func noSession() throws {
        var sessions = SessionRotation()
        var budget = SealBudget()
        #expect(throws: SealError.noSession) { try sessions.seal(signed(), for: entry, charging: &budget) }
    }

    @Test("SendError.bindingInvalid is thrown only for an entry that must be false") func sendErrors() {
        for error: SealError in [.noSession, .counterExhausted, .noKey(.pairsExhausted)] {
            #expect(SendError(error) == .notJoined)
        }
        for error: PairError in [.sessionRetired, .bindingInvalid, .agreementFailed] {
            #expect(SendError(.noKey(error)) == .bindingInvalid)
        }
    }
}
