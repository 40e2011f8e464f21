import SecureMesh
import SelfTest
import Testing

/// The roster: which key may join under which name.
@Suite("Roster") struct RosterTests {
    private func key(_ byte: UInt8) -> PublicKey {
        SigningKey(seed: [UInt8](repeating: byte, count: 32).span).publicKey
    }

    @Test("a roster's text is one line per peer; comments, blanks, tabs and carriage returns are ignored") func text()
        throws
    {
        let text =
            "# who may join\n\n  alice\t\(key(1))\r\nbob \(key(2))\n   # bob's brother\nbob \(key(3)) # temporary"
        let roster = try Roster(text)
        let (alice, bob) = (try PeerName("alice"), try PeerName("bob"))
        #expect(roster == Roster(authorized: [key(1): alice, key(2): bob, key(3): bob]))
        #expect(roster.count == 3 && !roster.isOpen)
        #expect(roster.allows(key(1), as: alice) && !roster.allows(key(1), as: bob))
        #expect(!roster.allows(key(4), as: alice))
        #expect(Roster.open.allows(key(4), as: alice))
        #expect(try Roster("") == Roster(authorized: [:]))
    }

    @Test("an error in a roster's text names its line") func errors() {
        let good = "alice \(key(1))"
        var slip = Array(key(1).description.utf8)
        slip[20] = slip[20] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        let cases: [(text: String, line: Int, problem: RosterError.Problem)] = [
            ("\(good)\nbob", 2, .notTwoFields),
            ("alice \(key(1)) admin", 1, .notTwoFields),
            ("#\n\n\nal*ice \(key(1))", 4, .invalidName),
            ("\(String(repeating: "a", count: 33)) \(key(1))", 1, .invalidName),
            ("bob p2ppub1_short", 1, .invalidKey(.malformed)),
            ("bob ssh-ed25519", 1, .invalidKey(.wrongPrefix)),
            ("bob \(String(decoding: slip, as: UTF8.self))", 1, .invalidKey(.wrongCheck)),
            ("bob P2PSECRET1_\(String(repeating: "A", count: 48))", 1, .invalidKey(.secretKey)),
            ("\(good)\n\nbob \(key(1))", 3, .repeatedKey(line: 1)),
            // To every other reader of the file, these stand in a comment.
            ("\(good)\n# note\u{2028}mallory \(key(2))", 2, .controlCharacter),
            ("\(good)\n# note\u{B}mallory \(key(2))", 2, .controlCharacter),
            ("# note\rmallory \(key(2))\n\(good)", 1, .controlCharacter),
        ]
        for (text, line, problem) in cases {
            let error = #expect(throws: RosterError.self) { try Roster(text) }
            #expect(error?.line == line && error?.problem == problem, "\(text)")
        }
    }

    @Test("a new roster removes the members that it does not list at once, and they stop") func setRoster() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(3)
        let stays = [peers[0].publicKey: peers[0].name, peers[1].publicKey: try #require(try? PeerName("renamed"))]
        mesh.setRoster(Roster(authorized: stays))
        #expect(mesh.members.map(\.publicKey) == [peers[0].publicKey])
        mesh.run(for: mesh.latency)
        #expect(peers[0].machine.members.isEmpty)
        for peer in peers[1...] {
            #expect(peer.departures == [.revoked] && peer.has(.ended(.revoked)))
            #expect(peer.machine.nextDeadline == nil)
        }
        #expect(mesh.departures(of: peers[1]) == [.revoked])
    }

    @Test("in open mode a name is reserved for its first key until 24 h after it left") func reservation() throws {
        let mesh = TestMesh()
        let owner = try mesh.addPeer("mine")
        mesh.run(for: .seconds(1))
        mesh.with(owner) { $0.leave(now: mesh.now) }
        mesh.run(for: .seconds(1))
        let hand = try ScriptedMember("mine", at: TestMesh.address(50), in: mesh)
        #expect(try hand.askForReject().reason == .nameTaken)
        mesh.leap(by: .seconds(24 * 3_600 - 3))
        #expect(try hand.askForReject().reason == .nameTaken)
        mesh.leap(by: .seconds(3))
        try hand.join()
        #expect(mesh.members.map(\.publicKey) == [hand.key.publicKey])
    }

    @Test("in open mode a name that its owner gave up for another is free after 24 h")
    func renaming() throws {
        let mesh = TestMesh()
        let place = TestMesh.address(50)
        let old = try ScriptedMember("old", at: place, in: mesh)
        try old.join()
        let new = try ScriptedMember("new", key: old.key, at: place, in: mesh)
        try new.join()
        #expect(mesh.members.map(\.name.description) == ["new"])
        let other = try ScriptedMember("old", at: TestMesh.address(51), in: mesh)
        #expect(try other.askForReject().reason == .nameTaken)
        mesh.leap(by: .seconds(24 * 3_600))
        mesh.run(for: .seconds(3))
        try other.join()
        #expect(mesh.members.map(\.name.description) == ["old"])
    }
}
