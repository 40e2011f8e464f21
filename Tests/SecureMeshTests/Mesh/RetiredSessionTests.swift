import SecureMesh
import SelfTest
import Testing

/// PROTOCOL.md, section 7.1: a pair's keys and counters begin once, whatever the server lists.
@Suite("Pairs that have ended") struct RetiredSessionTests {
    private let place = SocketAddress(ip: .v4(0x0A02_0001), port: 5_000)

    /// One end by hand, the other's entry, and what the hand's end would be.
    private func pair() throws -> (TestMesh, HandPeer, TestPeer, Entry, ServerSession) {
        let mesh = TestMesh()
        let peers = try mesh.join(1)
        let hand = try HandPeer("hand", at: place, in: mesh)
        try hand.join()
        mesh.run(for: .milliseconds(600))
        let membership = ServerSession(
            try #require(hand.opened), attempt: try #require(hand.attempt), key: hand.key, random: &mesh.random,
            now: mesh.now)
        return (mesh, hand, peers[0], try hand.entry(of: peers[0]), membership)
    }

    private func signed(_ membership: ServerSession) -> SignedPayload {
        membership.signer.sign(.message, PeerMessage(audience: nil, number: 1, body: []))
    }

    @Test("a session that is listed again gets no second message under the same key and nonce") func outbound() throws {
        let (mesh, _, _, entry, membership) = try pair()
        var pairs = Pairs()
        let first = try pairs.seal(signed(membership), for: entry, own: membership.own)
        let second = try pairs.seal(signed(membership), for: entry, own: membership.own)
        #expect(first[..<Header.size] != second[..<Header.size])
        pairs.end(entry.session, wasReplaced: false, now: mesh.now)
        #expect(throws: Rejection.directoryContradiction) {
            try pairs.seal(signed(membership), for: entry, own: membership.own)
        }
    }

    @Test("a session that is listed again has nothing accepted twice", arguments: [false, true])
    func inbound(wasReplaced: Bool) throws {
        let (mesh, hand, peer, entry, membership) = try pair()
        try mesh.broadcast("once", from: peer)
        let message = try hand.received(.message)
        let datagram = try Datagram(decoding: message.span)
        var directory = DirectoryReplica(of: hand.key.publicKey)
        _ = try directory.apply(Snapshot(version: 2, part: 0, parts: 1, entries: [entry]))
        var pairs = Pairs()
        let admit = { (now: Instant) throws(Rejection) -> ReceivedMessage in
            try pairs.admit(
                message.span, datagram, held: directory, own: membership.own, rate: Limits.messageRate, now: now)
        }
        #expect(try admit(mesh.now).body == Array("once".utf8))
        pairs.end(entry.session, wasReplaced: wasReplaced, now: mesh.now)
        // What is on its way from a replaced session has its window still.
        let soon: Rejection = wasReplaced ? .counterReplayed : .directoryContradiction
        #expect(throws: soon) { try admit(mesh.now) }
        #expect(throws: Rejection.directoryContradiction) { try admit(mesh.now + ProtocolConstants.pairLingering) }
    }

    @Test("a replaced session's messages count no longer than its peer is a member") func revoked() throws {
        let (mesh, hand, peer, _, _) = try pair()
        let send = { (number: UInt64) throws -> [UInt8] in
            try hand.message("hi", to: peer, audience: nil, number: number)
        }
        mesh.inject(try send(1), from: place, to: peer.address)
        let (second, third) = (try send(2), try send(3))
        mesh.run(for: .milliseconds(50))
        try hand.join()
        mesh.run(for: .milliseconds(50))
        mesh.inject(second, from: place, to: peer.address)
        mesh.run(for: .zero)
        #expect(peer.messages.count == 2)
        mesh.withServer { $0.setRoster(Roster(authorised: [peer.publicKey: peer.name]), now: mesh.now) }
        mesh.run(for: .milliseconds(50))
        mesh.inject(third, from: place, to: peer.address)
        mesh.run(for: .zero)
        #expect(peer.messages.count == 2)
        #expect(peer.machine.rejections[.unknownSender] == 1)
    }

    @Test("a peer that can remember no more ended pairs joins again, and begins none meanwhile") func exhausted() throws
    {
        let (mesh, _, _, entry, joined) = try pair()
        var membership = joined
        membership.pairs = Pairs(limit: 1)
        _ = try membership.pairs.seal(signed(joined), for: entry, own: joined.own)
        #expect(membership.rekeyAt > mesh.now)
        membership.pairs.end(entry.session, wasReplaced: false, now: mesh.now)
        #expect(membership.rekeyAt <= mesh.now)
        var other = entry
        other.session = try sessions(7)[0]
        #expect(throws: Rejection.agreementOverRate) {
            try membership.pairs.seal(signed(joined), for: other, own: joined.own)
        }
    }
}
