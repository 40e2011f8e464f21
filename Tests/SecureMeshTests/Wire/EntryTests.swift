import SecureMesh
import SelfTest
import Testing

@Suite("Entries and addresses")
struct EntryTests {
    /// Pairs: the field ADDR in hexadecimal, and the reason for its refusal; nil if it is accepted.
    static let addresses: [(String, Rejection?)] = [
        ("04 c0000201" + zeros(12) + "0bb9", nil),
        ("04 7f000001" + zeros(12) + "0001", nil),
        ("04 a9fe0001" + zeros(12) + "ffff", nil),
        ("06 20010db8" + zeros(11) + "02 0bba", nil),
        ("06" + zeros(15) + "01 0001", nil),
        // The address family is unknown.
        ("00 c0000201" + zeros(12) + "0bb9", .invalidAddress),
        ("05 c0000201" + zeros(12) + "0bb9", .invalidAddress),
        ("ff 20010db8" + zeros(11) + "02 0bba", .invalidAddress),
        // After the four bytes of this IPv4 address, one of the padding bytes is not zero.
        ("04 c0000201 01" + zeros(11) + "0bb9", .invalidAddress),
        ("04 c0000201 00000001" + zeros(8) + "0bb9", .invalidAddress),
        ("04 c0000201 00000000 01" + zeros(7) + "0bb9", .invalidAddress),
        ("04 c0000201" + zeros(11) + "01 0bb9", .invalidAddress),
        // These are IPv4-mapped IPv6 addresses.
        ("06" + zeros(10) + "ffff c0000201 0bb9", .invalidAddress),
        ("06" + zeros(10) + "ffff 00000000 0bb9", .invalidAddress),
        // The port is 0.
        ("04 c0000201" + zeros(12) + "0000", .invalidAddress),
        ("06 20010db8" + zeros(11) + "02 0000", .invalidAddress),
        // None of these is the address of one host. They are unspecified, multicast, broadcast, class E and link-local
        // IPv6 addresses.
        ("04" + zeros(16) + "0bb9", .invalidAddress),
        ("04 00000001" + zeros(12) + "0bb9", .invalidAddress),
        ("04 e0000001" + zeros(12) + "0bb9", .invalidAddress),
        ("04 ffffffff" + zeros(12) + "0bb9", .invalidAddress),
        ("04 f0000001" + zeros(12) + "0bb9", .invalidAddress),
        ("06" + zeros(16) + "0bb9", .invalidAddress),
        ("06 ff02" + zeros(13) + "01 0bb9", .invalidAddress),
        ("06 fe80" + zeros(13) + "01 0bb9", .invalidAddress),
        ("06 febf" + zeros(13) + "01 0bb9", .invalidAddress),
        // These addresses are just before and just after the range of IPv4-mapped addresses.
        ("06" + zeros(10) + "fffe c0000201 0bb9", nil),
        ("06" + zeros(9) + "01 ffff c0000201 0bb9", nil),
    ]

    @Test("an address is that of one host, in one encoding", arguments: addresses)
    func address(_ hex: String, expected: Rejection?) throws {
        let field = try unhex(hex)
        #expect(field.count == SocketAddress.encodedSize)
        let welcome = Array(try Sample.of(.welcome).plaintext.dropLast(Signature.count))
        #expect(refusal(of: .welcome, payload: welcome.replacing(at: 32, with: field)) == expected)
        let snapshot = Array(try Sample.of(.snapshot).plaintext.dropLast(Signature.count))
        #expect(refusal(of: .snapshot, payload: snapshot.replacing(at: 13 + 136, with: field)) == expected)
        guard expected == nil else { return }
        var reader = ByteReader()
        var again: [UInt8] = []
        try SocketAddress(&reader, field.span).append(to: &again)
        #expect(again == field)
    }

    @Test("an entry is 157 to 188 bytes")
    func sizes() throws {
        for (name, size) in [("a", 157), (String(repeating: "b", count: 32), 188)] {
            var bytes: [UInt8] = []
            let entry = try Entry.sample(1, name: name)
            entry.append(to: &bytes)
            #expect(bytes.count == size)
            #expect(entry.encodedSize == size)
        }
        #expect(Entry.maximumSize == 188)
    }

    /// Pairs: the end of an ENTRY, and the reason for its refusal; nil if it is accepted. The end is the length of the
    /// name and the name without padding.
    static let names: [(String, Rejection?)] = [
        ("01 41", nil), ("00", .invalidName), ("02 4100", .invalidName), ("02 4120", .invalidName),
        ("20" + String(repeating: "61", count: 32), nil),
        ("21" + String(repeating: "61", count: 33), .invalidName),
        ("ff" + String(repeating: "61", count: 255), .invalidName),
        ("02 41", .payloadLengthMismatch), ("01 4142", .payloadLengthMismatch), ("", .payloadLengthMismatch),
    ]

    @Test("an entry's name is 1 to 32 allowed bytes", arguments: names)
    func name(_ hex: String, expected: Rejection?) throws {
        let snapshot = Snapshot(version: 1, part: 0, parts: 1, entries: [try Entry.sample(5, name: "x")]).encoded
        let payload = snapshot.dropLast(2) + (try unhex(hex))
        #expect(refusal(of: .snapshot, payload: Array(payload)) == expected)
    }

    @Test("session 0 and an agreement key that is not canonical are refused")
    func otherFields() throws {
        let snapshot = Snapshot(version: 1, part: 0, parts: 1, entries: [try Entry.sample(5)]).encoded
        let zero = snapshot.replacing(at: 13, with: [UInt8](bigEndian: 0))
        #expect(refusal(of: .snapshot, payload: zero) == .invalidSessionIDs)
        for (key, isCanonical) in KeysTests.encodings {
            let changed = snapshot.replacing(at: 13 + 40, with: try unhex(key))
            #expect(refusal(of: .snapshot, payload: changed) == (isCanonical ? nil : .nonCanonicalAgreementKey))
        }
    }
}

private func zeros(_ count: Int) -> String {
    String(repeating: "00", count: count)
}
