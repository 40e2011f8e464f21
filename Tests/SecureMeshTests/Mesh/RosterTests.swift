import SecureMesh
import SelfTest
import Testing

/// Tests the roster: the keys that may join, each with its name.
@Suite("Roster") struct RosterTests {
    private let mesh = TestMesh()

    private func key(_ byte: UInt8) -> PublicKey {
        SigningKey(seed: [UInt8](repeating: byte, count: 32).span).publicKey
    }

    @Test("a roster's text is one line per peer; comments, blanks, tabs and carriage returns are ignored")
    func text() throws {
        let text =
            "# who may join\n\n  alice\t\(key(1))\r\nbob \(key(2))\n   # bob's brother\n"
            + "bob \(key(3)) until=2026-12-31 # temporary"
        let roster = try Roster(text)
        let (alice, bob) = (try PeerName("alice"), try PeerName("bob"))
        #expect(roster.authorized == [key(1): alice, key(2): bob, key(3): bob])
        #expect(roster.count == 3 && !roster.isOpen)
        let now = try #require(UnixTime("2026-06-01T00:00:00Z"))
        #expect(roster.allows(key(1), as: alice, at: now) && !roster.allows(key(1), as: bob, at: now))
        #expect(!roster.allows(key(4), as: alice, at: now))
        #expect(Roster.open.allows(key(4), as: alice, at: now))
        #expect(try Roster("") == Roster(authorized: [:]))
    }

    @Test("an error in a roster's text names its line") func errors() {
        let good = "alice \(key(1))"
        var slip = Array(key(1).description.utf8)
        slip[20] = slip[20] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        let cases: [(text: String, line: Int, problem: RosterError.Problem)] = [
            ("\(good)\nbob", 2, .notTwoFields),
            ("alice \(key(1)) admin", 1, .invalidOption), ("alice \(key(1)) untill=2026-12-31", 1, .invalidOption),
            ("alice \(key(1)) until=2026-12-31 until=2027-12-31", 1, .invalidOption),
            ("alice \(key(1)) until=2026-02-30", 1, .invalidTime), ("alice \(key(1)) revoked=", 1, .invalidTime),
            ("\(good)\nalice \(key(2))", 2, .repeatedName(line: 1)),
            ("alice \(key(1)) revoked=2026-01-01\nbob \(key(1))", 2, .repeatedKey(line: 1)),
            ("#\n\n\nal*ice \(key(1))", 4, .invalidName),
            ("\(String(repeating: "a", count: 33)) \(key(1))", 1, .invalidName),
            ("bob p2ppub1_short", 1, .invalidKey(.malformed)),
            ("bob ssh-ed25519", 1, .invalidKey(.wrongPrefix)),
            ("bob \(String(decoding: slip, as: UTF8.self))", 1, .invalidKey(.wrongCheck)),
            ("bob P2PSECRET1_\(String(repeating: "A", count: 48))", 1, .invalidKey(.secretKey)),
            ("\(good)\n\nbob \(key(1))", 3, .repeatedKey(line: 1)),
            // Other programs that read the file see the second key of these texts as a part of a comment.
            ("\(good)\n# note\u{2028}mallory \(key(2))", 2, .controlCharacter),
            ("\(good)\n# note\u{B}mallory \(key(2))", 2, .controlCharacter),
            ("# note\rmallory \(key(2))\n\(good)", 1, .controlCharacter),
        ]
        for (text, line, problem) in cases {
            let error = #expect(throws: RosterError.self) { try Roster(text) }
            #expect(error?.line == line && error?.problem == problem, "\(text)")
        }
    }

    @Test("a key may join until its end, and a revoked one may not") func options() throws {
        let text = "a \(key(1)) until=2026-12-31\na \(key(2))\na \(key(3)) revoked=2026-01-01 # lost\n"
        let (roster, name) = (try Roster(text), try PeerName("a"))
        let end = try #require(UnixTime("2027-01-01T00:00:00Z"))
        let before = UnixTime(seconds: end.seconds - 1)
        #expect(roster.allows(key(1), as: name, at: before) && !roster.allows(key(1), as: name, at: end))
        #expect(roster.allows(key(2), as: name, at: end))
        #expect(!roster.allows(key(3), as: name, at: before))
        #expect(roster.count == 2 && roster.nextExpiry(after: before) == end && roster.nextExpiry(after: end) == nil)
    }

    @Test("keys that a newer roster has lost are missing, and those that it revokes are not") func missing() throws {
        let now = try #require(UnixTime("2026-06-01T00:00:00Z"))
        let old = try Roster("a \(key(1))\nb \(key(2))\nc \(key(3))\nd \(key(4)) until=2026-01-01\n")
        #expect(old.missing(in: old, at: now).isEmpty)
        #expect(old.missing(in: try Roster("x \(key(1))\n"), at: now).map(\.description).sorted() == ["b", "c"])
        let newer = try Roster("a \(key(1))\nb \(key(2)) revoked=2026-05-01\nc \(key(3))")
        #expect(old.missing(in: newer, at: now).isEmpty)
    }

    @Test("a member whose key expires is out at once, and comes back if the clock was wrong") func expiry() throws {
        let (brief, lasting) = (try mesh.addPeer("brief", returns: true), try mesh.addPeer("lasting"))
        let end = try #require(UnixTime("2026-12-31T12:00:00Z"))
        mesh.advanceCalendar(to: UnixTime(seconds: end.seconds - 1))
        mesh.setRoster(try Roster("brief \(brief.publicKey) until=\(end)\nlasting \(lasting.publicKey)\n"))
        #expect(mesh.run(atMost: .seconds(1)) { brief.joins == 1 && lasting.joins == 1 })
        mesh.advanceCalendar(to: end)
        #expect(mesh.members.map(\.publicKey) == [lasting.publicKey])
        mesh.run(for: .seconds(1))
        #expect(brief.departures == [.revoked])
        // The peer tries to join again, and the server refuses it again.
        mesh.run(for: .seconds(10))
        #expect(brief.joins == 1)
        mesh.advanceCalendar(to: UnixTime(seconds: end.seconds - 100))
        #expect(mesh.run(atMost: .seconds(20)) { brief.joins == 2 })
        mesh.advanceCalendar(to: end)
        #expect(mesh.members.map(\.publicKey) == [lasting.publicKey])
    }

    @Test("a new roster removes the members that it does not list at once, and they stop") func setRoster() throws {
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

    @Test("a name stays reserved if its owner leaves while the roster is closed, and the roster then opens again")
    func reservationWhileClosed() throws {
        let owner = try mesh.addPeer("mine")
        mesh.run(for: .seconds(1))
        mesh.setRoster(Roster(authorized: [owner.publicKey: owner.name]))
        mesh.with(owner) { $0.leave(now: mesh.now) }
        mesh.run(for: .seconds(1))
        mesh.setRoster(.open)
        let hand = try ScriptedMember("mine", at: TestMesh.address(50), in: mesh)
        #expect(try hand.askForReject().reason == .nameTaken)
    }

    @Test("in open mode a name that its owner gave up for another is free after 24 h")
    func renaming() throws {
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
