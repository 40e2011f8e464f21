import MeshSimulator
import SecureMesh
import Testing

/// Tests the versions, DELTAs and SNAPSHOTs of a server's directory (PROTOCOL.md, section 6.5).
@Suite("Directory log") struct DirectoryLogTests {
    private let signer = Signer(key: Fixture.serverKey, context: Fixture.context, from: 1)

    /// Publishes the changes that wait in the log, at most `limit` DELTAs, and returns the DELTAs.
    private func flush(_ log: inout DirectoryLog, at milliseconds: Int64, limit: Int = .max) -> [Delta] {
        var deltas: [Delta] = []
        _ = log.flush(now: at(milliseconds), limit: limit) { delta in
            deltas.append(delta)
            return signer.sign(.delta, delta)
        }
        return deltas
    }

    /// Returns a peer's copy of the published directory.
    private func copy(of log: DirectoryLog) throws -> DirectoryReplica {
        var copy = DirectoryReplica(of: try Entry.sample(1_000).identity)
        copy.begin(1, epoch: 9_999)
        let snapshot = Snapshot(version: log.version, part: 0, parts: 1, entries: log.directory.inOrder)
        _ = try copy.apply(snapshot, now: .start)
        return copy
    }

    @Test("a directory starts at version 1, and each DELTA is one step") func versions() throws {
        var log = DirectoryLog(id: 1, now: at(0))
        #expect(log.version == 1)
        #expect(flush(&log, at: 0).isEmpty)
        log.insert(try .sample(1), replacing: nil)
        log.insert(try .sample(2), replacing: nil)
        #expect(log.version == 1)
        let deltas = flush(&log, at: 0)
        #expect(deltas == [Delta(from: 1, removed: [], added: [try .sample(1), try .sample(2)])])
        #expect(log.version == 2)
    }

    @Test("a rejoin removes and adds in one step") func rejoin() throws {
        var log = DirectoryLog(id: 1, now: at(0))
        log.insert(try .sample(1), replacing: nil)
        _ = flush(&log, at: 0)
        let new = try Entry.sample(2, identity: 1, name: "n1", port: 1)
        log.insert(new, replacing: try sessions(1)[0])
        let replaced = Removal(try sessions(1)[0], .replaced)
        #expect(flush(&log, at: 50) == [Delta(from: 2, to: 3, removed: [replaced], added: [new])])
    }

    @Test("an entry that was added and removed between two DELTAs is not published") func withdrawn() throws {
        var log = DirectoryLog(id: 1, now: at(0))
        log.insert(try .sample(1), replacing: nil)
        _ = flush(&log, at: 0)
        log.insert(try .sample(2), replacing: nil)
        log.remove(try sessions(2)[0], .expired)
        #expect(flush(&log, at: 50).isEmpty && log.flushDeadline == nil)
        // If one identity rejoins twice within a tick, the log publishes only the second rejoin. The session in between
        // is never published.
        log.insert(try .sample(3, identity: 1, name: "n1", port: 1), replacing: try sessions(1)[0])
        log.insert(try .sample(4, identity: 1, name: "n1", port: 1), replacing: try sessions(3)[0])
        let deltas = flush(&log, at: 100)
        #expect(deltas.flatMap(\.removed) == [Removal(try sessions(1)[0], .replaced)])
        #expect(deltas.flatMap(\.added).map(\.session) == (try sessions(4)))
        log.remove(try sessions(4)[0], .expired)
        #expect(flush(&log, at: 150) == [Delta(from: 3, removed: try sessions(4), added: [])])
        // If a session ends before its rejoin is published, the log publishes the removal of the previous session. The
        // reason is the one for which the new session ended.
        log.insert(try .sample(5), replacing: nil)
        _ = flush(&log, at: 200)
        log.insert(try .sample(6, identity: 5, name: "n5", port: 5), replacing: try sessions(5)[0])
        log.remove(try sessions(6)[0], .revoked)
        #expect(flush(&log, at: 250).map(\.removed) == [[Removal(try sessions(5)[0], .revoked)]])
    }

    @Test("each DELTA fits a datagram, and a replica that applies them all equals the directory") func sizes() throws {
        var log = DirectoryLog(id: 1, now: at(0))
        var copy = try copy(of: log)
        for session in 1...UInt64(100) {
            log.insert(try .sample(session, name: String(repeating: "x", count: 28) + "\(session)"), replacing: nil)
        }
        for session in 1...UInt64(50) { log.remove(try sessions(session)[0], .expired) }
        for session in 101...UInt64(130) { log.insert(try .sample(session), replacing: nil) }
        let payloads = log.flush(now: at(0)) { signer.sign(.delta, $0) }
        #expect(payloads.count > 8)
        for payload in payloads {
            #expect(Kind.delta.sealedOffset + payload.plaintext.count + Kind.tagSize <= 1_232)
            let body = Array(payload.plaintext.dropLast(Signature.count))
            _ = try copy.apply(Delta(decoding: body.span), now: .start)
        }
        #expect(copy.version == log.version)
        #expect(copy.others == log.directory.inOrder)
    }

    @Test("a change may be published at once after a quiet tick, else at the tick's end") func ticks() throws {
        var log = DirectoryLog(id: 1, now: at(0))
        #expect(log.flushDeadline == nil)
        log.insert(try .sample(1), replacing: nil)
        // The deadline must be a time that a timer can wait for. The infinite past is not such a time.
        #expect(log.flushDeadline == at(0))
        _ = flush(&log, at: 0)
        #expect(log.flushDeadline == nil)
        log.insert(try .sample(2), replacing: nil)
        #expect(log.flushDeadline == at(20))
    }

    @Test("changes that a flush leaves wait for the next one, removals first, and no DELTA contradicts another")
    func limited() throws {
        var log = try log(of: 220)
        var copy = try copy(of: log)
        // Ten members join, and 200 members leave. Then a member joins under a name and an address that one of the 200
        // members had.
        for session in 221...UInt64(230) { log.insert(try .sample(session), replacing: nil) }
        for session in 1...UInt64(200) { log.remove(try sessions(session)[0], .expired) }
        log.insert(try .sample(250, identity: 1, name: "n1", port: 1), replacing: nil)
        // Two members rejoin. The new session of the second member ends before its rejoin is published.
        log.insert(try .sample(251, identity: 201, name: "n201", port: 201), replacing: try sessions(201)[0])
        log.insert(try .sample(252, identity: 202, name: "n202", port: 202), replacing: try sessions(202)[0])
        log.remove(try sessions(252)[0], .expired)
        #expect(log.removalDeltas == 2 && log.unpublishedCount == 12)
        var sizes: [[Int]] = []
        var milliseconds: Int64 = 100
        while log.flushDeadline != nil {
            let deltas = flush(&log, at: milliseconds, limit: 1)
            #expect(deltas.count == 1)
            for delta in deltas {
                _ = try copy.apply(delta, now: .start)
                sizes.append([delta.removed.count, delta.added.count])
            }
            milliseconds += 20
            let version = log.freeze(now: at(milliseconds), interval: .milliseconds(500))
            var frozen: [Entry] = []
            _ = log.parts(of: version, from: 0, limit: .max) { snapshot in
                frozen += snapshot.entries
                return signer.sign(.snapshot, snapshot)
            }
            #expect(frozen == copy.others)
        }
        #expect(sizes == [[122, 0], [79, 2], [0, 6], [1, 4]])
        #expect(copy.version == log.version)
        #expect(copy.others == log.directory.inOrder)
        #expect(log.usages.filter { !$0.isKept }.isEmpty)
    }

    @Test("DELTAs are resent from the version held, oldest first, as far back as the log goes")
    func resending() throws {
        var log = DirectoryLog(id: 1, now: at(0))
        for session in 1...UInt64(Limits.deltaLog + 10) {
            log.insert(try .sample(session), replacing: nil)
            _ = flush(&log, at: Int64(session) * 20)
        }
        #expect(log.version == UInt64(Limits.deltaLog) + 11)
        #expect(log.deltas(after: log.version, limit: 16)?.isEmpty == true)
        #expect(log.deltas(after: log.version - 3, limit: 16)?.count == 3)
        #expect(log.deltas(after: log.version - 3, limit: 2)?.count == 2)
        #expect(log.deltas(after: log.version - UInt64(Limits.deltaLog), limit: 16)?.count == 16)
        #expect(log.deltas(after: log.version - UInt64(Limits.deltaLog) - 1, limit: 16) == nil)
        #expect(log.deltas(after: 0, limit: 16) == nil)
        #expect(log.deltas(after: log.version + 1, limit: 16) == nil)
        #expect(log.deltas(after: .max, limit: 16) == nil)
    }

    private func log(of count: UInt64) throws -> DirectoryLog {
        var log = DirectoryLog(id: 1, now: at(0))
        for session in 1...count { log.insert(try .sample(session), replacing: nil) }
        _ = flush(&log, at: 0)
        return log
    }

    @Test("a frozen SNAPSHOT does not change, is signed once, and its parts fit and ascend") func parts() throws {
        var log = try log(of: 40)
        let version = log.freeze(now: at(0), interval: .milliseconds(500))
        log.remove(try sessions(1)[0], .expired)
        _ = flush(&log, at: 100)
        var told: [Snapshot] = []
        let sign = { (snapshot: Snapshot) in
            told.append(snapshot)
            return signer.sign(.snapshot, snapshot)
        }
        let count = log.partCount(of: version)
        #expect(count == 7)
        #expect(log.parts(of: version, from: 0, limit: 4, sign: sign).count == 4)
        #expect(log.parts(of: version, from: 2, limit: 4, sign: sign).count == 4)
        #expect(log.parts(of: version, from: 5, limit: 4, sign: sign).count == 2)
        #expect(log.parts(of: version, from: 99, limit: 4, sign: sign).count == 4)
        #expect(told.map { Int($0.part) } == Array(0..<7))
        #expect(told.allSatisfy { $0.version == version && $0.parts == 7 })
        #expect(told.flatMap(\.entries).map(\.session.rawValue) == Array(1...40))
        for snapshot in told { #expect(try Snapshot(decoding: snapshot.encoded.span) == snapshot) }
        #expect(log.parts(of: version + 50, from: 0, limit: 4, sign: sign).isEmpty)
    }

    @Test("a SNAPSHOT of an empty directory has one part") func emptySnapshot() throws {
        var log = DirectoryLog(id: 1, now: at(0))
        let version = log.freeze(now: at(0), interval: .milliseconds(500))
        #expect(log.partCount(of: version) == 1)
    }

    @Test("a SNAPSHOT is reused for half an interval per burst, and longer for members that get the fewest parts")
    func youth() throws {
        var log = try log(of: 3_000)
        let version = log.freeze(now: at(0), interval: .milliseconds(500))
        log.remove(try sessions(1)[0], .expired)
        _ = flush(&log, at: 1)
        let bursts = Int64(SnapshotBurst.count(parts: log.partCount(of: version)))
        #expect(bursts == 10)
        #expect(log.frozenVersion(begun: nil, now: at(bursts * 250 - 1)) == version)
        #expect(log.frozenVersion(begun: nil, now: at(bursts * 250)) == nil)
        log.prolong(version)
        let most = Int64(log.partCount(of: version) / Limits.leastRepair + 1)
        #expect(log.frozenVersion(begun: nil, now: at(most * 500 - 1)) == version)
        log.prolong(version)
        #expect(log.frozenVersion(begun: nil, now: at(most * 500)) == nil)
    }

    @Test("a SNAPSHOT is reused until the directory changes, and for at least a second") func age() throws {
        var log = try log(of: 3)
        let version = log.freeze(now: at(0), interval: .milliseconds(500))
        #expect(log.frozenVersion(begun: nil, now: at(50_000)) == version)
        log.remove(try sessions(1)[0], .expired)
        _ = flush(&log, at: 100)
        #expect(log.frozenVersion(begun: nil, now: at(999)) == version)
        #expect(log.frozenVersion(begun: nil, now: at(1_000)) == nil)
        #expect(log.frozenVersion(begun: version, now: at(1_000)) == version)
        // A member that already holds this version needs a newer SNAPSHOT.
        #expect(log.frozenVersion(begun: version, above: version, now: at(500)) == nil)
    }

    @Test("in a large directory that keeps changing, a SNAPSHOT is kept until a member has received all of it")
    func churn() throws {
        var log = try log(of: 3_000)
        let begun = log.freeze(now: at(0), interval: .milliseconds(500))
        let bursts = SnapshotBurst.count(parts: log.partCount(of: begun))
        #expect(bursts > Limits.frozenSnapshots)
        // The bursts begin one second apart, which is twice the interval.
        for second in 1...Int64(bursts) {
            log.insert(try .sample(1_000 + UInt64(second)), replacing: nil)
            _ = flush(&log, at: second * 1_000)
            // During the bursts, other members join and also need a SNAPSHOT.
            if log.frozenVersion(begun: nil, now: at(second * 1_000)) == nil {
                _ = log.freeze(now: at(second * 1_000), interval: .milliseconds(500))
            }
            #expect(log.frozenVersion(begun: begun, now: at(second * 1_000)) == begun)
        }
    }
}
