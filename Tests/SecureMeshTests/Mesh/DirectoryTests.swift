import MeshSimulator
import SecureMesh
import Testing

/// Tests which changes a directory accepts and refuses. Also tests which changes a peer's copy of the directory accepts
/// and refuses (PROTOCOL.md, sections 6 and 9).
@Suite("Directory") struct DirectoryTests {
    @Test("entries are in the order of their sessions and are found by session, identity, name and address")
    func lookups() throws {
        var directory = Directory()
        for session: UInt64 in [5, 1, 9, 3] { directory.insert(try .sample(session)) }
        #expect(directory.sessions.map(\.rawValue) == [1, 3, 5, 9])
        #expect(directory.inOrder.map(\.session) == directory.sessions)
        let entry = try Entry.sample(9)
        #expect(directory[entry.session] == entry)
        #expect(directory.entry(of: entry.identity) == entry)
        #expect(directory.entry(named: entry.name) == entry)
        #expect(directory.entry(at: entry.address) == entry)
        directory.remove(entry.session)
        #expect(directory.entry(of: entry.identity) == nil && directory.entry(at: entry.address) == nil)
        #expect(directory.wasRemoved(entry.session))
    }

    @Test("a change that contradicts itself or the directory is not allowed") func contradictions() throws {
        var directory = Directory()
        for session: UInt64 in [1, 2, 3] { directory.insert(try .sample(session)) }
        directory.remove(try sessions(3)[0])
        let cases: [(removing: [SessionID], adding: [Entry], isAllowed: Bool)] = [
            ([], [try .sample(4)], true),
            (try sessions(1), [try .sample(4, identity: 1, name: "n1", port: 1)], true),
            (try sessions(1, 1), [], false),
            (try sessions(7), [], false),
            ([], [try .sample(3)], false),
            ([], [try .sample(2)], false),
            ([], [try .sample(4, identity: 1)], false),
            ([], [try .sample(4, name: "n1")], false),
            ([], [try .sample(4, port: 1)], false),
            ([], [try .sample(4), try .sample(5, identity: 4)], false),
            ([], [try .sample(4), try .sample(5, name: "n4")], false),
            ([], [try .sample(4), try .sample(5, port: 4)], false),
            ([], [try .sample(4), try .sample(4)], false),
        ]
        for (index, change) in cases.enumerated() {
            let isAllowed = directory.allows(removing: change.removing, adding: change.adding)
            #expect(isAllowed == change.isAllowed, "case \(index)")
        }
    }

    @Test("the newest 65,536 removed sessions are remembered") func memory() throws {
        var directory = Directory()
        for session in 1...UInt64(Limits.removedSessions + 1) {
            directory.insert(try .sample(session))
            directory.remove(try sessions(session)[0])
        }
        #expect(!directory.wasRemoved(try sessions(1)[0]))
        #expect(directory.wasRemoved(try sessions(2)[0]))
        #expect(directory.count == 0)
    }

    private func copy(_ entries: [Entry], version: UInt64 = 5) throws -> DirectoryReplica {
        var directory = DirectoryReplica(of: try Entry.sample(100).identity)
        directory.begin(77, epoch: 77)
        _ = try directory.apply(Snapshot(version: version, part: 0, parts: 1, entries: entries), now: .start)
        return directory
    }

    @Test("a DELTA applies only at the version held") func deltas() throws {
        var directory = try copy([.sample(1)])
        let delta = Delta(from: 5, removed: [], added: [try .sample(2)])
        _ = try directory.apply(delta, now: .start)
        #expect(directory.version == 6)
        #expect(throws: Rejection.deltaNotApplicable) { try directory.apply(delta, now: .start) }
        var empty = DirectoryReplica(of: try Entry.sample(100).identity)
        #expect(throws: Rejection.deltaNotApplicable) { try empty.apply(delta, now: .start) }
        #expect(directory.version == 6)
    }

    @Test("DELTAs that overtook others are kept and applied in order") func earlyDeltas() throws {
        var directory = try copy([.sample(1)])
        let deltas = try (0..<4).map { Delta(from: 5 + UInt64($0), removed: [], added: [try .sample(2 + $0)]) }
        for late in [3, 1, 2] {
            #expect(try directory.apply(deltas[late], now: .start).events.isEmpty)
            #expect(throws: Rejection.deltaNotApplicable) { try directory.apply(deltas[late], now: .start) }
        }
        #expect(directory.version == 5)
        let change = try directory.apply(deltas[0], now: .start)
        #expect(directory.version == 9)
        let joined = try (2..<6).map { PeerEvent.memberJoined(Member(try Entry.sample($0))) }
        #expect(change.events == joined)
        #expect(change.refusal == nil)
    }

    @Test("DELTAs that arrive while a SNAPSHOT is received are applied after it") func deltasBeforeSnapshot() throws {
        var directory = DirectoryReplica(of: try Entry.sample(100).identity)
        directory.begin(77, epoch: 77)
        _ = try directory.apply(Snapshot(version: 5, part: 0, parts: 2, entries: [.sample(1)]), now: .start)
        _ = try directory.apply(Delta(from: 6, removed: [], added: [.sample(4)]), now: .start)
        _ = try directory.apply(Delta(from: 5, removed: try sessions(1), added: [.sample(3)]), now: .start)
        let change = try directory.apply(Snapshot(version: 5, part: 1, parts: 2, entries: [.sample(2)]), now: .start)
        #expect(directory.version == 7)
        let held = try [2, 3, 4].map { try Entry.sample($0).name }
        #expect(directory.others.map(\.name) == held)
        let gone = try Entry.sample(1)
        #expect(change.gone.map(\.entry) == [gone])
    }

    @Test("a DELTA too far ahead is refused; an early one that contradicts the directory is refused at its version")
    func hostileEarlyDeltas() throws {
        var directory = try copy([.sample(1)])
        let far = Delta(from: 5 + UInt64(Limits.earlyDeltas), removed: [], added: [try .sample(2)])
        #expect(throws: Rejection.deltaNotApplicable) { try directory.apply(far, now: .start) }
        for version in 6..<5 + UInt64(Limits.earlyDeltas) {
            _ = try directory.apply(Delta(from: version, removed: [], added: [.sample(1)]), now: .start)
        }
        #expect(directory.usages.filter { !$0.isKept }.isEmpty)
        let change = try directory.apply(Delta(from: 5, removed: [], added: [.sample(3)]), now: .start)
        #expect(change.refusal == .directoryContradiction)
        #expect(directory.version == 6)
        directory.begin(78, epoch: 78)
        #expect(directory.usages.first { $0.name == "early deltas" }?.count == 0)
    }

    @Test("early DELTAs that a SNAPSHOT overtakes are evicted for newer ones") func overtakenDeltas() throws {
        var directory = try copy([.sample(1)])
        let most = UInt64(Limits.earlyDeltas)
        for version in 6..<5 + most {
            _ = try directory.apply(Delta(from: version, removed: [], added: [.sample(2)]), now: .start)
        }
        _ = try directory.apply(Snapshot(version: 4 + most, part: 0, parts: 2, entries: [.sample(1)]), now: .start)
        for version in 5 + most..<4 + 2 * most {
            _ = try directory.apply(Delta(from: version, removed: [], added: [.sample(1_000 + version)]), now: .start)
        }
        #expect(directory.usages.filter { !$0.isKept }.isEmpty)
        let change = try directory.apply(
            Snapshot(version: 4 + most, part: 1, parts: 2, entries: [.sample(3)]), now: .start)
        #expect(change.refusal == nil)
        #expect(directory.version == 4 + 2 * most)
    }

    @Test("early DELTAs and parts of one server are not applied in a session with another") func otherServer() throws {
        var directory = try copy([.sample(1)])
        _ = try directory.apply(Delta(from: 6, removed: [], added: [.sample(9)]), now: .start)
        let part = Snapshot(version: .max, part: 0, parts: 2, entries: [try .sample(9)])
        _ = try directory.apply(part, now: .start)
        _ = directory.begin(77, epoch: 77, server: SigningKey().publicKey, now: .start)
        _ = try directory.apply(Delta(from: 5, removed: [], added: [.sample(2)]), now: .start)
        #expect(directory.version == 6)
        let snapshot = Snapshot(version: 8, part: 0, parts: 1, entries: [try .sample(3)])
        _ = try directory.apply(snapshot, now: .start)
        #expect(directory.version == 8)
    }

    @Test("a server whose versions fall cannot make a peer keep more and more early DELTAs")
    func fallingVersions() throws {
        var directory = try copy([.sample(1)], version: 50_000)
        for round in 1...3 {
            let version = directory.version
            for early in 1..<UInt64(Limits.earlyDeltas) {
                _ = try directory.apply(Delta(from: version + early, removed: [], added: [.sample(2)]), now: .start)
            }
            let lie = Pulse(number: UInt64(round), version: version, flags: .current, digest: .zero)
            let now = Instant.after(.seconds(10 * round))
            let isRight = directory.compare(lie, sentAfter: .start, isBeingListed: false, now: now)
            #expect(!isRight)
            let lower = Snapshot(version: version - 1_000, part: 0, parts: 1, entries: [try .sample(1)])
            _ = try directory.apply(lower, now: .start)
            #expect(directory.usages.filter { !$0.isKept }.isEmpty)
        }
    }

    @Test("parts of a SNAPSHOT whose version stays above the server's give way to a lower SNAPSHOT")
    func highParts() throws {
        var directory = try copy([.sample(1)])
        _ = try directory.apply(Snapshot(version: .max, part: 0, parts: 2, entries: [.sample(9)]), now: .start)
        let snapshot = Snapshot(version: 8, part: 0, parts: 1, entries: [try .sample(3)])
        #expect(throws: Rejection.snapshotNotWanted) { try directory.apply(snapshot, now: .start) }
        let pulse = Pulse(number: 1, version: 8, flags: .current, digest: .zero)
        let settled = Instant.after(Limits.versionGap)
        _ = directory.compare(pulse, sentAfter: settled - .nanoseconds(1), isBeingListed: false, now: settled)
        #expect(throws: Rejection.snapshotNotWanted) { try directory.apply(snapshot, now: settled) }
        _ = directory.compare(pulse, sentAfter: settled, isBeingListed: false, now: settled)
        _ = try directory.apply(snapshot, now: settled)
        #expect(directory.version == 8)
    }

    @Test("a DELTA or SNAPSHOT that contradicts the directory is refused and changes nothing")
    func refusedWhole() throws {
        var directory = try copy([.sample(1), .sample(2)])
        let bad = Delta(from: 5, removed: try sessions(1), added: [try .sample(3), try .sample(4, name: "n2")])
        #expect(throws: Rejection.directoryContradiction) { try directory.apply(bad, now: .start) }
        let changed = Snapshot(version: 6, part: 0, parts: 1, entries: [try .sample(1, name: "other")])
        #expect(throws: Rejection.directoryContradiction) { try directory.apply(changed, now: .start) }
        let twice = [try Entry.sample(1), try .sample(2), try .sample(3, identity: 2)]
        #expect(throws: Rejection.directoryContradiction) {
            try directory.apply(Snapshot(version: 6, part: 0, parts: 1, entries: twice), now: .start)
        }
        #expect(directory.version == 5)
        #expect(directory.others == [try .sample(1), try .sample(2)])
    }

    @Test("a contradictory SNAPSHOT or early DELTA is dropped, and another one is accepted") func takenAnew() throws {
        var directory = try copy([.sample(1)])
        let parts = try [2, 3].map { try Entry.sample($0) }.enumerated().map { part, entry in
            Snapshot(version: 8, part: UInt16(part), parts: 2, entries: [entry])
        }
        let lie = Snapshot(version: 8, part: 1, parts: 2, entries: [try .sample(3, name: "n2")])
        _ = try directory.apply(parts[0], now: .start)
        #expect(throws: Rejection.directoryContradiction) { try directory.apply(lie, now: .start) }
        #expect(directory.version == 5 && directory.wantedPart == 0)
        for part in parts.reversed() { _ = try directory.apply(part, now: .start) }
        #expect(directory.version == 8)

        _ = try directory.apply(Delta(from: 9, removed: [], added: [.sample(2)]), now: .start)
        let change = try directory.apply(Delta(from: 8, removed: [], added: [.sample(4)]), now: .start)
        #expect(change.refusal == .directoryContradiction && directory.version == 9)
        _ = try directory.apply(Delta(from: 9, removed: [], added: [.sample(5)]), now: .start)
        #expect(directory.version == 10)
        let held = try [2, 3, 4, 5].map { try Entry.sample($0) }
        #expect(directory.others == held)
    }

    @Test("a DELTA or a part of a SNAPSHOT with an entry whose session is the epoch is refused, even if it is early")
    func epochAsSession() throws {
        var directory = try copy([.sample(1)])
        for from: UInt64 in [5, 6] {
            #expect(throws: Rejection.invalidSessionIDs) {
                try directory.apply(Delta(from: from, removed: [], added: [.sample(2), .sample(77)]), now: .start)
            }
        }
        for part: UInt16 in [0, 1] {
            #expect(throws: Rejection.invalidSessionIDs) {
                try directory.apply(Snapshot(version: 8, part: part, parts: 2, entries: [.sample(77)]), now: .start)
            }
        }
        #expect(directory.version == 5 && directory.wantedPart == 0)
        _ = try directory.apply(Delta(from: 5, removed: [], added: [.sample(78)]), now: .start)
        #expect(directory.version == 6)
        // In a new epoch, the number of an old epoch is an ordinary session.
        directory.begin(78, epoch: 78)
        _ = try directory.apply(Snapshot(version: 2, part: 0, parts: 1, entries: [.sample(77)]), now: .start)
        #expect(directory.version == 2)
    }

    @Test("a SNAPSHOT applies when it is complete and newer, in any order of its parts; absent sessions never return")
    func snapshots() throws {
        var directory = try copy([.sample(1), .sample(2)])
        let parts = try (0..<3).map { part in
            Snapshot(version: 8, part: part, parts: 3, entries: [try .sample(UInt64(part) + 2)])
        }
        #expect(directory.wantedPart == 0)
        #expect(try directory.apply(parts[0], now: .start).events.isEmpty)
        #expect(directory.wantedPart == 1)
        #expect(throws: Rejection.snapshotNotWanted) { try directory.apply(parts[0], now: .start) }
        #expect(try directory.apply(parts[2], now: .start).events.isEmpty)
        #expect(directory.wantedPart == 1 && directory.version == 5)
        let change = try directory.apply(parts[1], now: .start)
        #expect(directory.version == 8 && directory.wantedPart == 0)
        #expect(
            change.events == [
                .memberLeft(Member(try .sample(1)), reason: nil), .memberJoined(Member(try .sample(3))),
                .memberJoined(Member(try .sample(4))),
            ])
        #expect(change.gone.map(\.entry) == [try .sample(1)])
        #expect(throws: Rejection.snapshotNotWanted) { try directory.apply(parts[1], now: .start) }
        let return1 = Snapshot(version: 9, part: 0, parts: 1, entries: [try .sample(1)])
        #expect(throws: Rejection.directoryContradiction) { try directory.apply(return1, now: .start) }
    }

    @Test("a newer SNAPSHOT replaces an incomplete one, an older one does not") func newerSnapshot() throws {
        var directory = try copy([.sample(1)])
        _ = try directory.apply(Snapshot(version: 8, part: 1, parts: 2, entries: [try .sample(2)]), now: .start)
        #expect(throws: Rejection.snapshotNotWanted) {
            try directory.apply(Snapshot(version: 7, part: 0, parts: 2, entries: [try .sample(1)]), now: .start)
        }
        #expect(throws: Rejection.snapshotNotWanted) {
            try directory.apply(Snapshot(version: 8, part: 0, parts: 3, entries: [try .sample(1)]), now: .start)
        }
        _ = try directory.apply(Snapshot(version: 9, part: 0, parts: 2, entries: [try .sample(1)]), now: .start)
        _ = try directory.apply(Snapshot(version: 9, part: 1, parts: 2, entries: [try .sample(3)]), now: .start)
        #expect(directory.version == 9)
        #expect(directory.others == [try .sample(1), try .sample(3)])
    }

    @Test("parts whose entries do not ascend from one to the next are refused") func order() throws {
        var directory = try copy([.sample(1)])
        _ = try directory.apply(Snapshot(version: 8, part: 0, parts: 2, entries: [try .sample(3)]), now: .start)
        #expect(throws: Rejection.directoryContradiction) {
            try directory.apply(Snapshot(version: 8, part: 1, parts: 2, entries: [try .sample(2)]), now: .start)
        }
    }

    @Test("members of a directory that is replaced may come back for 15 s: they are reported as rejoined, or as gone")
    func epochs() throws {
        var directory = try copy([.sample(1), .sample(2)])
        directory.begin(77, epoch: 77)
        #expect(directory.version == 5)
        directory.begin(78, epoch: 78)
        #expect(directory.version == 0)
        #expect(directory[try sessions(1)[0]] == nil)
        let change = try directory.apply(
            Snapshot(version: 2, part: 0, parts: 1, entries: [try .sample(8, identity: 1, name: "n1", port: 1)]),
            now: .start)
        let rejoined = Member(try .sample(8, identity: 1, name: "n1", port: 1))
        #expect(change.events == [.memberRejoined(rejoined, previousName: nil)])
        #expect(change.gone.isEmpty && change.ended.isEmpty)
        let missing = try Entry.sample(2)
        #expect(directory.others.last == missing && directory.entry(named: missing.name) == missing)
        // 5 s after a member has rejoined, its former session ends.
        #expect(directory.former.deadline == .after(ProtocolConstants.pairLingering))
        let ended = directory.expireFormer(.after(ProtocolConstants.pairLingering))
        #expect(try ended.ended == [.sample(1)] && ended.events.isEmpty)
        #expect(directory.expireFormer(.after(ProtocolConstants.returnPeriod - .milliseconds(1))).events.isEmpty)
        let late = directory.expireFormer(.after(ProtocolConstants.returnPeriod))
        #expect(late.events == [.memberLeft(Member(missing), reason: .stopping)] && late.ended == [missing])
        #expect(directory.former.isEmpty && directory.former.deadline == nil && directory.count == 1)
    }

    private static func member(_ number: Int, session: Int) throws -> Entry {
        try .sample(UInt64(session), identity: UInt8(number), name: "n\(number)", port: UInt16(number))
    }

    @Test("no member is reported as gone while others come back, for five minutes: a large mesh is not back after 15 s")
    func slowReturn() throws {
        let members = 100
        var directory = try copy((1...members).map { try Self.member(100 + $0, session: 100 + $0) })
        directory.begin(78, epoch: 78)
        _ = try directory.apply(Snapshot(version: 1, part: 0, parts: 1, entries: []), now: .start)
        // A member comes back every 14 s.
        let returns = 21
        var events: [PeerEvent] = []
        for number in 1...returns {
            let now = Instant.after(.seconds(14 * number))
            events += directory.expireFormer(now).events
            let entry = try Self.member(100 + number, session: 300 + number)
            let delta = Delta(from: UInt64(number), to: UInt64(number) + 1, removed: [], added: [entry])
            events += try directory.apply(delta, now: now).events
        }
        #expect(events.count == returns)
        #expect(events.allSatisfy { if case .memberRejoined = $0 { true } else { false } })
        #expect(directory.count == members)
        let end = ProtocolConstants.longestReturn
        #expect(directory.expireFormer(.after(end - .milliseconds(1))).events.isEmpty)
        #expect(directory.expireFormer(.after(end)).events.count == members - returns)
        #expect(directory.former.missingCount == 0)
    }

    @Test("a missing member is reported as gone 15 s after the last other one has come back")
    func lastReturn() throws {
        var directory = try copy([.sample(1), .sample(2)])
        directory.begin(78, epoch: 78)
        _ = try directory.apply(Snapshot(version: 1, part: 0, parts: 1, entries: []), now: .start)
        let back = try Entry.sample(11, identity: 1, name: "n1", port: 1)
        _ = try directory.apply(Delta(from: 1, to: 2, removed: [], added: [back]), now: .after(.seconds(10)))
        let due = Duration.seconds(10) + ProtocolConstants.returnPeriod
        #expect(directory.expireFormer(.after(due - .milliseconds(1))).events.isEmpty)
        let events = directory.expireFormer(.after(due)).events
        #expect(try events == [.memberLeft(Member(.sample(2)), reason: .stopping)])
    }

    @Test("a former member is given up at once if another identity has its name or address, unless both swapped them")
    func ousted() throws {
        var directory = try copy([.sample(1), .sample(2), .sample(3), .sample(4)])
        directory.begin(78, epoch: 78)
        let entries = [
            try Entry.sample(11, identity: 21, name: "n1", port: 21), try .sample(12, identity: 22, name: "x", port: 2),
            try .sample(13, identity: 3, name: "n3", port: 4), try .sample(14, identity: 4, name: "n4", port: 3),
        ]
        let change = try directory.apply(Snapshot(version: 1, part: 0, parts: 1, entries: entries), now: .start)
        let left = change.events.compactMap { if case .memberLeft(let member, _) = $0 { member } else { nil } }
        #expect(try left == [Member(.sample(1)), Member(.sample(2))])
        #expect(change.events.count { if case .memberRejoined = $0 { true } else { false } } == 2)
        #expect(directory.count == 4)
    }

    @Test("a directory that was never held does not replace the members of the one before it") func neverHeld() throws {
        var directory = try copy([.sample(1), .sample(2)])
        directory.begin(78, epoch: 78)
        directory.begin(79, epoch: 79)
        #expect(directory.others == [try .sample(1), try .sample(2)])
        _ = try directory.apply(
            Snapshot(version: 2, part: 0, parts: 1, entries: [try .sample(8, identity: 1, name: "n1", port: 1)]),
            now: .start)
        // If a member has not come back to the second directory, it is still missing in the third one.
        directory.begin(80, epoch: 80)
        let missing = try Entry.sample(2)
        #expect(directory.former.missing(missing.identity) == missing && directory.former.missingCount == 2)
    }

    @Test("a missing member that cannot be kept when a third directory begins is reported as gone")
    func third() throws {
        var directory = try copy([.sample(1), .sample(2)])
        directory.begin(78, epoch: 78)
        let other = try Entry.sample(1, identity: 11, name: "n11", port: 11)
        let second = try Entry.sample(12, identity: 12, name: "n12", port: 12)
        _ = try directory.apply(Snapshot(version: 2, part: 0, parts: 1, entries: [other, second]), now: .start)
        _ = try directory.apply(Delta(from: 2, removed: [second.session], added: []), now: .start)
        // The second directory lists another member with the session of the first missing member.
        let changes = directory.changeCount
        let change = directory.begin(79, epoch: 79)
        #expect(directory.changeCount > changes)
        let (lost, kept) = (try Entry.sample(1), try Entry.sample(2))
        #expect(change.events == [.memberLeft(Member(lost), reason: .stopping)] && change.ended == [lost])
        #expect(directory.others == [other, kept])
    }

    @Test("a missing member stays one if the second directory has removed a session with the same number")
    func removedNumber() throws {
        var directory = try copy([.sample(1)])
        directory.begin(78, epoch: 78)
        let other = try Entry.sample(1, identity: 11, name: "n11", port: 11)
        _ = try directory.apply(Snapshot(version: 2, part: 0, parts: 1, entries: [other]), now: .start)
        _ = try directory.apply(Delta(from: 2, removed: [other.session], added: []), now: .start)
        let change = directory.begin(79, epoch: 79)
        #expect(change.events.isEmpty && change.ended.isEmpty)
        #expect(directory.others == [try .sample(1)])
    }

    @Test("thousands of former members are removed in slices, with a pause after each") func slices() throws {
        var random = RandomSource.seeded(1)
        var directory = try copy(
            (0..<UInt64(Limits.formerSlice * 2 + 100)).map { index in
                var entry = try Entry.sample(100 + index)
                entry.identity = PublicKey(bytes: random.bytes32())
                return entry
            })
        directory.begin(78, epoch: 78)
        _ = try directory.apply(Snapshot(version: 1, part: 0, parts: 1, entries: []), now: .start)
        var now = Instant.after(ProtocolConstants.returnPeriod)
        var slices: [Int] = []
        while let deadline = directory.former.deadline {
            #expect(deadline == now)
            slices.append(directory.expireFormer(now).events.count)
            #expect(directory.former.deadline.map { $0 > now } ?? true)
            now = now + .nanoseconds(1)
        }
        #expect(slices == [Limits.formerSlice, Limits.formerSlice, 100])
        #expect(directory.former.isEmpty && directory.count == 0)
    }

    @Test("when a member that has come back leaves, its former session ends too") func leftAgain() throws {
        var directory = try copy([.sample(1)])
        directory.begin(78, epoch: 78)
        let back = try Entry.sample(8, identity: 1, name: "n1", port: 1)
        _ = try directory.apply(Snapshot(version: 2, part: 0, parts: 1, entries: [back]), now: .start)
        let former = try Entry.sample(1)
        #expect(directory.former[former.session] == former)
        let change = try directory.apply(Delta(from: 2, removed: [back.session], added: []), now: .start)
        #expect(change.gone.map(\.entry) == [back] && change.ended == [former])
        #expect(change.events == [.memberLeft(Member(back), reason: .expired)])
        #expect(directory.former.isEmpty)
    }

    @Test("the event of a member that changes its name has the former name") func previousName() throws {
        var directory = try copy([.sample(1), .sample(2)])
        let renamed = try Entry.sample(8, identity: 1, name: "renamed", port: 1)
        let change = try directory.apply(
            Delta(from: directory.version, removed: [Entry.sample(1).session], added: [renamed]), now: .start)
        #expect(change.events == [.memberRejoined(Member(renamed), previousName: try PeerName("n1"))])
    }

    @Test("a peer's own changes are no events") func own() throws {
        var directory = try copy([.sample(1), .sample(100)])
        #expect(directory.others == [try .sample(1)])
        let delta = Delta(
            from: 5, removed: try sessions(100), added: [try .sample(101, identity: 100, name: "n100", port: 100)])
        #expect(try directory.apply(delta, now: .start).events.isEmpty)
    }
}
