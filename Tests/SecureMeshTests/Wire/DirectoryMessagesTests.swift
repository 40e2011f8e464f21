import MeshSimulator
import SecureMesh
import SelfTest
import Testing

@Suite("Payloads: SNAPSHOT and DELTA")
struct DirectoryMessagesTests {
    @Test("entries that do not ascend, or occur twice, are refused")
    func order() throws {
        let (first, second, high) = (try Entry.sample(1), try Entry.sample(2), try Entry.sample(.max))
        let table: [([Entry], Rejection?)] = [
            ([first, second, high], nil), ([first, high], nil), ([second, first], .entriesOutOfOrder),
            ([first, first], .entriesOutOfOrder), ([first, second, second], .entriesOutOfOrder),
            // Sessions are compared as unsigned numbers, so a number above 2^63 is not negative.
            ([high, first], .entriesOutOfOrder),
        ]
        for (entries, expected) in table {
            let snapshot = Snapshot(version: 1, part: 0, parts: 1, entries: entries).encoded
            #expect(refusal(of: .snapshot, payload: snapshot) == expected)
            let delta = Delta(from: 1, removed: [], added: entries).encoded
            #expect(refusal(of: .delta, payload: delta) == expected)
        }
    }

    @Test("removed ids that do not ascend, occur twice or are zero are refused")
    func removedOrder() throws {
        let table: [([UInt64], Rejection?)] = [
            ([1, 2, .max], nil), ([2, 1], .entriesOutOfOrder), ([1, 1], .entriesOutOfOrder),
            ([.max, 1], .entriesOutOfOrder), ([0], .invalidSessionIDs), ([1, 0], .invalidSessionIDs),
        ]
        for (ids, expected) in table {
            #expect(refusal(of: .delta, payload: delta(1, 2, ids: ids)) == expected, "\(ids)")
        }
    }

    /// Four values per case: the part, the number of parts, the number of entries, and the reason for the refusal; nil
    /// if the SNAPSHOT is accepted.
    static let parts: [(UInt16, UInt16, Int, Rejection?)] = [
        (0, 1, 0, nil), (0, 1, 1, nil), (1, 2, 1, nil), (65_534, 65_535, 1, nil),
        (1, 1, 1, .partOutOfRange), (0, 0, 0, .partOutOfRange), (0, 0, 1, .partOutOfRange),
        (2, 1, 1, .partOutOfRange), (65_535, 65_535, 1, .partOutOfRange),
        // A part without entries is allowed only if it is the only part.
        (0, 2, 0, .partOutOfRange), (1, 2, 0, .partOutOfRange),
    ]

    @Test("a SNAPSHOT's part is below its parts, and empty only if it is the one", arguments: parts)
    func partRange(_ part: UInt16, _ parts: UInt16, _ count: Int, expected: Rejection?) throws {
        let entries = count == 0 ? [] : [try Entry.sample(5)]
        let payload = Snapshot(version: 1, part: part, parts: parts, entries: entries).encoded
        #expect(refusal(of: .snapshot, payload: payload) == expected)
    }

    @Test("a SNAPSHOT of version 0 is refused")
    func snapshotVersion() {
        let payload = Snapshot(version: 0, part: 0, parts: 1, entries: []).encoded
        #expect(refusal(of: .snapshot, payload: payload) == .versionOutOfRange)
    }

    /// Three values per case: the old version of a DELTA, its new version, and the reason for the refusal; nil if the
    /// DELTA is accepted.
    static let steps: [(UInt64, UInt64, Rejection?)] = [
        (1, 2, nil), (7, 8, nil), (1, 3, nil), (1, .max, nil), (.max - 1, .max, nil), (0, 1, .versionOutOfRange),
        (1, 1, .versionOutOfRange),
        (2, 1, .versionOutOfRange), (.max, 0, .versionOutOfRange),
        (.max, .max, .versionOutOfRange), (0, 0, .versionOutOfRange),
    ]

    @Test("a DELTA leads from one version, above 0, to a later one", arguments: steps)
    func step(_ from: UInt64, _ to: UInt64, expected: Rejection?) {
        #expect(refusal(of: .delta, payload: delta(from, to, ids: [5])) == expected)
    }

    @Test("a removal has one of seven reasons; any other is refused")
    func removalReasons() throws {
        let session = try #require(SessionID(rawValue: 5))
        for code in UInt8.min ... .max {
            let payload = delta(1, 2, ids: [5]).replacing(at: 26, with: [code])
            #expect(refusal(of: .delta, payload: payload) == (code <= 6 ? nil : .unknownReason))
            guard code <= 6 else { continue }
            let reason = code == 0 ? nil : Goodbye.Reason(rawValue: code)
            #expect(try Delta(decoding: payload.span).removed == [Removal(session, reason)])
        }
    }

    @Test("an empty DELTA is refused")
    func emptyDelta() {
        #expect(refusal(of: .delta, payload: delta(1, 2, ids: [])) == .emptyDelta)
    }

    @Test("counts that are larger or smaller than the payload are refused")
    func counts() throws {
        let snapshot = Snapshot(version: 1, part: 0, parts: 1, entries: [try Entry.sample(5)]).encoded
        for count in [0, 2, 7, 255] as [UInt8] {
            #expect(
                refusal(of: .snapshot, payload: snapshot.replacing(at: 12, with: [count])) == .payloadLengthMismatch)
        }
        let payload = delta(1, 2, ids: [5, 6])
        for (removed, added) in [(1, 0), (3, 0), (2, 1), (255, 255), (0, 1)] as [(UInt8, UInt8)] {
            let changed = payload.replacing(at: 16, with: [removed, added])
            #expect(refusal(of: .delta, payload: changed) == .payloadLengthMismatch, "\(removed) \(added)")
        }
    }

    @Test("a SNAPSHOT of as many entries as it may have fits into a datagram")
    func room() throws {
        #expect(Snapshot.room == 1_232 - 121)
        #expect(Delta.room == 1_232 - 126)
        let name = String(repeating: "n", count: 32)
        let entries = try (1...(Snapshot.room / Entry.maximumSize)).map { try Entry.sample(UInt64($0), name: name) }
        let payload = Snapshot(version: 1, part: 0, parts: 1, entries: entries).encoded
        let signed = SignedPayload(
            .snapshot, from: Fixture.epoch, payload: payload, context: Fixture.context, key: Fixture.serverKey)
        let datagram = signed.sealed(to: 1, counter: 1, with: Fixture.secret(1))
        #expect(datagram.count <= ProtocolConstants.maximumDatagram)
        #expect(refusal(ofDatagram: datagram) == nil)
    }

    private func delta(_ from: UInt64, _ to: UInt64, ids: [UInt64]) -> [UInt8] {
        var bytes = [UInt8](bigEndian: from) + [UInt8](bigEndian: to) + [UInt8(ids.count), 0]
        for id in ids { bytes += [UInt8](bigEndian: id) + [2] }
        return bytes
    }
}
