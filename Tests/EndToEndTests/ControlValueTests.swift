internal import Foundation
internal import MeshControl
internal import SecureMesh
internal import Testing

@testable import p2p

/// Tests the values that a control socket exchanges: times, filters and the JSON of a status.
@Suite("values of the control socket")
struct ControlValueTests {
    @Test("the text of a time is that of Foundation, and is read again")
    func times() throws {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        formatter.timeZone = TimeZone(identifier: "UTC")
        var random = SystemRandomNumberGenerator()
        let seed = random.next()
        var generator = RandomSource.seeded(seed)
        // The years 1600 to 9999 are tested, because Foundation uses the Julian calendar for earlier dates.
        let (least, most) = (Int64(-11_676_096_000_000), Int64(253_402_300_799_999))
        let edges: [Int64] = [0, -1, 951_782_400_000, 4_107_542_400_000, -2_203_891_200_000, least, most]
        let others = (0..<2_000).map { _ in least + Int64(generator.next() % UInt64(most - least)) }
        for milliseconds in edges + others {
            let time = Timestamp(milliseconds: milliseconds)
            let date = Date(timeIntervalSince1970: Double(milliseconds / 1_000))
            let expected = formatter.string(from: date).dropLast(5)
            if milliseconds % 1_000 >= 0 { #expect(time.description.hasPrefix(expected), "seed \(seed)") }
            #expect(Timestamp(time.description) == time, "\(time), seed \(seed)")
        }
    }

    @Test("JSON has escapes for all characters on which a terminal might act, and means the same")
    func harmless() {
        let text = "\u{9B}31m\u{7F}\u{202E}\u{E0001}\u{1B} é😀 \\ \" \n"
        let json = ControlJSON.encode([text])
        let printed = String(decoding: json, as: UTF8.self)
        #expect(printed.contains(#"\u009b31m\u007f\u202e\udb40\udc01"#) && printed.contains("é😀"), "\(printed)")
        #expect(Console.escaped(printed.replacing("\\", with: "")) == printed.replacing("\\", with: ""))
        #expect(ControlJSON.decode([String].self, from: json) == [text])
        let other = Array("[\"\u{9B}\",1]".utf8)
        #expect(ControlJSON.harmless(other) == Array(#"["\u009b",1]"#.utf8))
    }

    @Test(
        "no other text is a time",
        arguments: [
            "", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00.25Z", "2026-01-31 12:00:00.250Z",
            "2026-01-31T12:00:00.250z", "2026-02-29T12:00:00.250Z", "2026-02-31T12:00:00.250Z",
            "2026-13-01T12:00:00.250Z", "2026-00-01T12:00:00.250Z", "2026-01-00T12:00:00.250Z",
            "2026-01-31T24:00:00.250Z", "2026-01-31T12:60:00.250Z", "2026-01-31T12:00:60.250Z",
            "2026-01-31T12:00:00.2é0Z", "+026-01-31T12:00:00.250Z", "2026-01-31T12:00:00.250+00:00",
        ])
    func noTimes(text: String) {
        #expect(Timestamp(text) == nil)
    }

    private func filter(_ query: String) throws(ControlError) -> EventFilter {
        try EventFilter(ControlRequest(method: "GET", target: "/v1/events\(query)", body: []).query)
    }

    @Test("a filter accepts its kinds and names, always `missed`, and nothing else")
    func filters() throws {
        var joined = ControlEvent(.memberJoined, at: .now)
        joined.name = "B"
        var left = joined
        left.event = .memberLeft
        var other = joined
        other.name = "C"
        let events = [joined, left, other, ControlEvent(.joined, at: .now), .missed(3)]
        func accepted(_ query: String) throws -> [Bool] { try events.map(filter(query).accepts) }
        #expect(try accepted("") == [true, true, true, true, true])
        #expect(try accepted("?event=memberJoined") == [true, false, true, false, true])
        #expect(try accepted("?event=memberJoined&event=joined") == [true, false, true, true, true])
        #expect(try accepted("?name=B") == [true, true, false, false, true])
        #expect(try accepted("?name=B&name=C") == [true, true, true, false, true])
        #expect(try accepted("?event=memberLeft,joined&name=%42,C") == [false, true, false, false, true])
        #expect(try accepted("?event=") == [false, false, false, false, true])
        #expect(try filter("?event=memberLeft,joined&name=C,B").query == "?event=joined,memberLeft&name=B,C")
        for query in ["?event=none", "?kind=joined", "?name=B%26C", "?name=\(String(repeating: "x", count: 33))"] {
            #expect(throws: ControlError.self, "\(query)") { try filter(query) }
        }
    }

    private static let emptyStatus = """
        {"schema":1,"time":"2026-01-31T12:00:00.250Z","role":"server","version":"1","process":1,
        "startedAt":"2026-01-31T12:00:00.250Z","addresses":[],"fingerprint":"","publicKey":"","problems":[],
        "counts":{"alive":1},"lostDatagrams":{},"refusedDatagrams":{},"streams":0}
        """

    @Test("the JSON of a report equals the JSON that Foundation's encoder writes for the decoded status")
    func statusJSON() throws {
        let names = try ["B", "A", "A"].map(PeerName.init)
        let keys = names.map { _ in SigningKey().publicKey }
        var members = try zip(names, keys).enumerated().map { index, peer in
            let address = try SocketAddress(index == 0 ? "[2001:db8::1]:3000" : "192.0.2.1\(index):\(index)")
            let member = Member(name: peer.0, publicKey: peer.1, address: address)
            return ListedMember(member, MemberState.allCases[index], since: .now, reason: index > 0 ? .silent : nil)
        }
        members[1].roundTrip = 0
        members[2].receivedMessages = .max
        members.append(ListedMember(names[0], keys[0], nil, .never))
        var status = try #require(ControlJSON.decode(MeshStatus.self, from: Array(Self.emptyStatus.utf8)))
        status.problems = [Problem("x", .warning, "\"members\":null", hint: "a \"quoted\" \\ text\n\u{1}é")]
        for list in [members, [], nil] {
            let json = StatusReport(status, members: list, correction: 0).json
            let decoded = try #require(ControlJSON.decode(MeshStatus.self, from: json))
            #expect(decoded.members?.count == list?.count)
            let written = try JSONSerialization.jsonObject(with: Data(json)) as? NSDictionary
            let encoded = try JSONSerialization.jsonObject(with: Data(ControlJSON.encode(decoded))) as? NSDictionary
            #expect(written != nil && written == encoded)
            guard list?.isEmpty == false, let listed = decoded.members else { continue }
            #expect(listed.map(\.name) == ["A", "A", "B", "B"])
            #expect(listed[0].publicKey < listed[1].publicKey)
            #expect(listed.allSatisfy { $0.publicKey.hasPrefix("p2ppub1_\($0.fingerprint)") })
            #expect(listed.contains { $0.address == "[2001:db8::1]:3000" } && listed.contains { $0.address == nil })
        }
    }
}
