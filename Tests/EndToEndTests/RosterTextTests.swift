internal import SecureMesh
internal import Testing

@testable import p2p

@Suite("editing a list of peers")
struct RosterTextTests {
    private static let keys = (0..<4).map { _ in SigningKey().publicKey }
    private static let now = UnixTime(seconds: 1_800_000_000)

    private static func name(_ text: String) throws -> PeerName { try PeerName(text) }

    private func text(_ text: String) throws -> RosterText { try RosterText(Array(text.utf8)) }

    private func string(_ text: RosterText) -> String { String(decoding: text.bytes, as: UTF8.self) }

    @Test("all other lines, comments and ends of lines stay as they are")
    func rest() throws {
        let keys = Self.keys
        let before = "\u{FEFF}# peers\r\n\r\n  A \t\(keys[0]) # first\r\nB \(keys[1])\n\n# last"
        var list = try text(before)
        _ = list.revoke(reason: "stolen", now: Self.now) { "\($0.name)" == "A" }
        _ = try list.authorize(try Self.name("C"), keys[2], replacing: .refuse, now: Self.now)
        #expect(
            string(list) == "\u{FEFF}# peers\r\n\r\nA \(keys[0]) revoked=2027-01-15T08:00:00Z # stolen; first\r\n"
                + "B \(keys[1])\n\n# last\nC \(keys[2])\n")
        let roster = try Roster(string(list))
        #expect(try roster.count == 2 && !roster.allows(keys[0], as: Self.name("A"), at: .now))
    }

    @Test("a new key of a name replaces the old one, or joins it until its end, or is refused")
    func replacement() throws {
        let (keys, a) = (Self.keys, try Self.name("A"))
        var list = try text("A \(keys[0])\n")
        #expect(throws: RosterText.Conflict.otherKey(keys[0])) {
            try list.authorize(a, keys[1], replacing: .refuse, now: Self.now)
        }
        #expect(!list.hasChanged)
        let end = UnixTime(seconds: Self.now.seconds + 3_600)
        let replaced = try list.authorize(a, keys[1], replacing: .end(end), now: Self.now).replaced
        #expect(replaced.map(\.until) == [end])
        let roster = try Roster(string(list))
        #expect(roster.allows(keys[0], as: a, at: Self.now) && roster.allows(keys[1], as: a, at: Self.now))
        #expect(!roster.allows(keys[0], as: a, at: end) && roster.allows(keys[1], as: a, at: end))
        _ = try list.authorize(a, keys[2], replacing: .revoke, now: Self.now)
        #expect(try Roster(string(list)).authorized == [keys[2]: a])
        let b = try Self.name("B")
        #expect(throws: RosterText.Conflict.otherName(a)) {
            try list.authorize(b, keys[2], replacing: .revoke, now: Self.now)
        }
    }

    @Test("a revoked key can be listed again, also under another name")
    func again() throws {
        let keys = Self.keys
        var list = try text("A \(keys[0]) revoked=2026-01-01 # by mistake\n")
        let result = try list.authorize(try Self.name("B"), keys[0], replacing: .refuse, now: Self.now)
        #expect(result.before?.comment == "by mistake")
        #expect(string(list) == "B \(keys[0])\n")
    }

    @Test("the same line again changes nothing")
    func same() throws {
        var list = try text("A\t\(Self.keys[0])   # note\n")
        let result = try list.authorize(try Self.name("A"), Self.keys[0], replacing: .refuse, now: Self.now)
        #expect(!result.hasChanged && !list.hasChanged)
    }

    @Test("words of a command are quoted for the shell")
    func quoting() {
        #expect(Shell.quoted("keys/A.pub") == "keys/A.pub")
        #expect(Shell.quoted("my keys") == "'my keys'")
        #expect(Shell.quoted("it's") == "'it'\\''s'")
        #expect(Shell.quoted("") == "''")
    }
}
