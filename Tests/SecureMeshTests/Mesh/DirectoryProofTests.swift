import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests the digest of the directory, and a directory that a peer keeps in its next session (PROTOCOL.md, sections 6.4
/// and 6.5).
@Suite("A directory and its digest") struct DirectoryProofTests {
    private let server = ScriptedMesh(seed: 5)
    private let shortRekey = SessionParameters.ordinary(rekey: .seconds(1))

    /// Creates a member that holds version 2 of its directory, which lists this member and one other member.
    private func member() throws -> (ScriptedMesh.Client, own: Entry, other: Entry) {
        var client = try server.peer("a")
        let own = try server.join(&client, parameters: shortRekey)
        let other = try Entry.sample(7)
        try server.tell(&client, [own, other], version: 2)
        _ = server.transmits(&client)
        _ = server.events(&client)
        return (client, own, other)
    }

    private func pulse(_ entries: [Entry], number: UInt64 = 50, version: UInt64 = 2) -> Pulse {
        server.pulse(number: number, version: version, of: entries)
    }

    private func snapshot(_ entries: [Entry], version: UInt64) -> Snapshot {
        Snapshot(version: version, part: 0, parts: 1, entries: entries.sorted { $0.session < $1.session })
    }

    /// Lets the peer's timer fire at `instant`. Returns the newest HEARTBEAT or CONFIRM that the peer then sends in its
    /// session with the server.
    private func heartbeat(of client: inout ScriptedMesh.Client, at instant: Instant) throws -> Heartbeat {
        server.now = instant
        client.machine.handleTimeout(now: instant)
        let sent = server.transmits(&client).compactMap { try? client.server?.open(Heartbeat.self, $0) }
        return try #require(sent.last)
    }

    @Test("a right digest is accepted, and is compared when the DELTA to its version has come") func right() throws {
        var (client, own, other) = try member()
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own, other]), to: &client)
        let third = try Entry.sample(8)
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own, other, third], number: 51, version: 3), to: &client)
        try server.deliver(.delta, Delta(from: 2, removed: [], added: [third]), to: &client)
        #expect(client.machine.rejections.total == 0)
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own, other, third], number: 52, version: 4), to: &client)
        server.now = server.now + Limits.digestGap
        try server.deliver(.delta, Delta(from: 3, removed: [other.session], added: []), to: &client)
        #expect(client.machine.rejections[.directoryMismatch] == 1)
    }

    @Test("a proven directory that changes with each PULSE is compared every two seconds, not each time")
    func gap() throws {
        var (client, own, other) = try member()
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own, other]), to: &client)
        server.now = server.now + Limits.digestGap - .nanoseconds(1)
        try server.deliver(.delta, Delta(from: 2, removed: [other.session], added: []), to: &client)
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own, other], number: 51, version: 3), to: &client)
        #expect(client.machine.rejections.total == 0)
    }

    @Test("a directory whose digest differs stays in use until a whole SNAPSHOT replaces it, at any version")
    func replaced() throws {
        var (client, own, other) = try member()
        let missing = try Entry.sample(8)
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own, missing]), to: &client)
        #expect(client.machine.rejections[.directoryMismatch] == 1)
        #expect(client.machine.members.map(\.publicKey) == [other.identity])
        #expect(try heartbeat(of: &client, at: at(500)).version == 0)

        // The version of a wrong directory does not count: this SNAPSHOT is accepted although its version is lower.
        try server.deliver(.snapshot, snapshot([own, missing], version: 1), to: &client)
        #expect(client.machine.version == 1)
        #expect(client.machine.members.map(\.publicKey) == [missing.identity])
        let events = server.events(&client)
        #expect(events == [.memberLeft(Member(other), reason: nil), .memberJoined(Member(missing))])
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own, missing], number: 51, version: 1), to: &client)
        #expect(client.machine.rejections.total == 1)
    }

    @Test("a wrong directory does not extend trust, and DELTAs are still applied") func untrusted() throws {
        var (client, own, other) = try member()
        server.now = at(500)
        client.machine.handleTimeout(now: server.now)
        try server.deliver(.pulse(echo: 2, token: 9), pulse([own]), to: &client)
        #expect(client.machine.isTrusted(at(59_999)))
        #expect(!client.machine.isTrusted(at(60_000)))
        try server.deliver(.delta, Delta(from: 2, removed: [other.session], added: []), to: &client)
        #expect(client.machine.members.isEmpty)
        try server.deliver(.snapshot, snapshot([own], version: 2), to: &client)
        #expect(client.machine.isTrusted(at(60_000)))
    }

    @Test("a member that was listed with a false address is corrected and keeps its session") func corrected() throws {
        var (client, own, other) = try member()
        var true_ = other
        true_.address = TestMesh.address(99)
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own, true_]), to: &client)
        try server.deliver(.snapshot, snapshot([own, true_], version: 3), to: &client)
        #expect(client.machine.members == [Member(true_)])
        #expect(server.events(&client) == [.memberRejoined(Member(true_), previousName: nil)])
    }

    @Test("a wrong SNAPSHOT after a wrong digest is refused as well") func wrongAgain() throws {
        var (client, own, other) = try member()
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own]), to: &client)
        try server.deliver(.snapshot, snapshot([own, other], version: 2), to: &client)
        #expect(client.machine.rejections[.directoryMismatch] == 2)
        try server.deliver(.snapshot, snapshot([own], version: 2), to: &client)
        #expect(client.machine.rejections[.directoryMismatch] == 2)
        #expect(client.machine.members.isEmpty)
    }

    /// Makes the peer join again to change its keys.
    ///
    /// - Parameters:
    ///   - directory: The directory id of the new session; nil for the same id.
    ///   - milliseconds: The time at which the keys are due.
    /// - Returns: The version in the peer's CONFIRM, and the new entry of the peer.
    private func rejoin(
        _ client: inout ScriptedMesh.Client, directory: UInt64? = nil, at milliseconds: Int64 = 1_000
    ) throws -> (UInt64, Entry) {
        server.now = at(milliseconds)
        for _ in 0..<2 { client.machine.handleTimeout(now: server.now) }
        let hellos = server.transmits(&client).filter { $0[1] == Kind.hello.rawValue }
        let next = try ScriptedServer(
            key: server.key, context: server.context, hello: try #require(hellos.first), from: client.address,
            session: server.random.sessionID { _ in false }, epoch: server.epoch, directory: directory,
            ephemeral: server.random.secret(), parameters: shortRekey)
        client.server = next
        server.hand(next.welcome.bytes, to: &client)
        return (try heartbeat(of: &client, at: server.now).version, next.entry)
    }

    @Test("a peer that joins again under the same directory keeps it and its trust, and CONFIRM has its version")
    func sameDirectory() throws {
        var (client, own, other) = try member()
        let (version, entry) = try rejoin(&client)
        #expect(version == 2)
        let entries = [entry, other]
        // The peer does not hold version 3 yet. So it does not compare the digest, and the PULSE does not extend its
        // trust.
        try server.deliver(.pulse(echo: 1, token: 9), pulse(entries, number: 1, version: 3), to: &client)
        #expect(client.machine.session == entry.session)
        #expect(client.machine.members == [Member(other)])
        #expect(client.machine.isTrusted(at(59_999)))
        #expect(!client.machine.isTrusted(at(60_000)))
        try server.deliver(.delta, Delta(from: 2, removed: [own.session], added: [entry]), to: &client)
        #expect(client.machine.isTrusted(at(60_999)))
        #expect(client.machine.rejections.total == 0)
    }

    @Test("a directory from an earlier session does not extend trust until a digest confirms it")
    func unproven() throws {
        var (client, own, other) = try member()
        let (_, entry) = try rejoin(&client)
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own], number: 1, version: 1), to: &client)
        #expect(client.machine.session == entry.session)
        #expect(!client.machine.isTrusted(at(60_000)))
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own, other], number: 2), to: &client)
        #expect(client.machine.isTrusted(at(60_000)))
    }

    @Test("another directory under the same directory id extends no trust until a SNAPSHOT of it has arrived")
    func otherDirectoryWithSameID() throws {
        var (client, _, other) = try member()
        let (version, entry) = try rejoin(&client)
        #expect(version == 2)
        let stranger = try Entry.sample(8)
        try server.deliver(.pulse(echo: 1, token: 9), pulse([entry, stranger], number: 1), to: &client)
        #expect(client.machine.rejections[.directoryMismatch] == 1)
        #expect(client.machine.members == [Member(other)])
        #expect(!client.machine.isTrusted(at(60_000)))
        #expect(try heartbeat(of: &client, at: at(1_500)).version == 0)
        try server.deliver(.snapshot, snapshot([entry, stranger], version: 2), to: &client)
        #expect(client.machine.members == [Member(stranger)])
        #expect(client.machine.isTrusted(at(60_000)))

        // In the next session, the server has the first directory again. Its SNAPSHOT replaces the false directory.
        let (versionAfterLie, last) = try rejoin(&client, at: 2_200)
        #expect(versionAfterLie == 2)
        try server.deliver(.pulse(echo: 1, token: 9), pulse([last, other], number: 1), to: &client)
        #expect(client.machine.rejections[.directoryMismatch] == 2)
        try server.deliver(.snapshot, snapshot([last, other], version: 2), to: &client)
        #expect(client.machine.members == [Member(other)])
    }

    @Test("a directory whose version stays above the server's is wrong", arguments: [false, true])
    func versionAboveServer(isProven: Bool) throws {
        var (client, own, other) = try member()
        let entry = isProven ? own : try rejoin(&client).1
        let stranger = try Entry.sample(8)
        let right = [entry, stranger]
        let begun = server.now
        var beat: UInt64 = 1
        while server.now - begun < Limits.versionGap {
            #expect(client.machine.rejections.total == 0)
            let pulse = pulse(right, number: 10 + beat, version: 1)
            try server.deliver(.pulse(echo: beat, token: 9), pulse, to: &client)
            #expect(try heartbeat(of: &client, at: server.now + .milliseconds(500)).version == 2)
            beat += 1
        }
        let last = pulse(right, number: 10 + beat, version: 1)
        try server.deliver(.pulse(echo: beat, token: 9), last, to: &client)
        #expect(client.machine.rejections[.directoryMismatch] == 1)
        #expect(client.machine.members == [Member(other)])
        #expect(try heartbeat(of: &client, at: server.now + .milliseconds(500)).version == 0)
        try server.deliver(.snapshot, snapshot(right, version: 1), to: &client)
        #expect(client.machine.members == [Member(stranger)])
        #expect(client.machine.rejections.total == 1)
    }

    @Test("a PULSE with a lower version says nothing while the server may still be sealing a DELTA")
    func sealing() throws {
        var (client, own, other) = try member()
        for beat: UInt64 in 1...6 {
            try server.deliver(.pulse(echo: beat, token: 9), pulse([own, other], number: 10 + beat), to: &client)
            _ = try heartbeat(of: &client, at: server.now + .milliseconds(500))
        }
        try server.deliver(.delta, Delta(from: 2, removed: [other.session], added: []), to: &client)
        try server.deliver(.pulse(echo: 7, token: 9), pulse([own, other], number: 17), to: &client)
        #expect(client.machine.rejections.total == 0)
        #expect(client.machine.version == 3)
    }

    @Test("a directory that is not proven is wrong if a DELTA or a SNAPSHOT contradicts it", arguments: [false, true])
    func contradicted(bySnapshot: Bool) throws {
        var (client, own, other) = try member()
        let (_, entry) = try rejoin(&client)
        var corrected = other
        corrected.address = TestMesh.address(99)
        let pulses = [1, 2].map { pulse([entry, corrected], number: $0, version: 9) }
        try server.deliver(.pulse(echo: 1, token: 9), pulses[0], to: &client)
        if bySnapshot {
            try server.deliver(.snapshot, snapshot([entry, corrected], version: 9), to: &client)
        } else {
            let unknown = try Entry.sample(8)
            let removed = [own.session, unknown.session].sorted { $0 < $1 }
            try server.deliver(.delta, Delta(from: 2, removed: removed, added: [entry]), to: &client)
        }
        #expect(client.machine.rejections[.directoryContradiction] == 1)
        #expect(client.machine.members == [Member(other)])
        #expect(try heartbeat(of: &client, at: at(1_500)).version == 0)
        try server.deliver(.snapshot, snapshot([entry, corrected], version: 9), to: &client)
        #expect(client.machine.members == [Member(corrected)])
        try server.deliver(.pulse(echo: 1, token: 9), pulses[1], to: &client)
        #expect(client.machine.rejections.total == 1)
    }

    @Test("a DELTA that contradicts a wrong directory waits for the SNAPSHOT, whose parts are not forgotten")
    func contradictedTwice() throws {
        var (client, own, _) = try member()
        let missing = try Entry.sample(8)
        try server.deliver(.pulse(echo: 1, token: 9), pulse([own, missing]), to: &client)
        #expect(client.machine.rejections[.directoryMismatch] == 1)
        let entries = [own, missing].sorted { $0.session < $1.session }
        let parts = (0..<2).map { Snapshot(version: 2, part: UInt16($0), parts: 2, entries: [entries[$0]]) }
        try server.deliver(.snapshot, parts[0], to: &client)
        // The wrong directory does not list the removed session.
        try server.deliver(.delta, Delta(from: 2, removed: [missing.session], added: []), to: &client)
        try server.deliver(.snapshot, parts[1], to: &client)
        #expect(client.machine.rejections.total == 1)
        #expect(client.machine.version == 3 && client.machine.members.isEmpty)
    }

    @Test("no directory is found wrong if the server is paused for seconds while it seals a DELTA for all members")
    func pausedWhileSealing() throws {
        let mesh = TestMesh {
            $0.primitives = InsecureTestCrypto()
            ($0.heartbeatInterval, $0.lifetime) = (.seconds(5), .seconds(15))
        }
        for index in 0..<Limits.slice + 50 { try mesh.addPeer("peer-\(index)") }
        mesh.run(for: .seconds(10))
        #expect(mesh.hasConverged)
        let version = mesh.server.glance.version
        try mesh.addPeer("late")
        #expect(mesh.run(atMost: .seconds(2)) { mesh.server.glance.version > version })
        mesh.pauseServer()
        mesh.run(for: .seconds(9))
        // The first members have the DELTA. Their heartbeats ask for a PULSE.
        #expect(mesh.peers.contains { $0.machine.version > version })
        #expect(mesh.peers.contains { $0.machine.version == version })
        mesh.resumeServer()
        mesh.run(for: .seconds(3))
        #expect(mesh.peers.allSatisfy { $0.machine.rejections[.directoryMismatch] == 0 })
        // A member that has joined again gets no such PULSE. It would speak before all members know its new session.
        let peer = mesh.peers[0]
        mesh.rules = [{ $0.destination == peer.address || $0.source == peer.address ? .drop : nil }]
        // A crowd has just joined, so the server gives a late member five lifetimes.
        #expect(mesh.run(atMost: .seconds(90)) { !mesh.isMember(peer) })
        mesh.rules = []
        #expect(mesh.run(atMost: .seconds(60)) { mesh.isMember(peer) })
        mesh.pauseServer()
        mesh.run(for: .seconds(9))
        let newest = mesh.server.glance.version
        #expect(peer.machine.version == newest && mesh.peers.contains { $0.machine.version < newest })
        let question = try #require(mesh.sent(.heartbeat, from: peer.address).last)
        let answers = mesh.sent(.pulse, to: peer.address).count
        mesh.withServer { $0.handle(question.bytes.span, path: Path(remote: question.source), now: $1) }
        mesh.run(for: mesh.latency)
        #expect(mesh.sent(.pulse, to: peer.address).count == answers + 1)
        #expect(peer.joins == 1)
    }

    @Test("a peer that joins under another directory holds nothing of it") func otherDirectory() throws {
        var (client, _, _) = try member()
        let (version, _) = try rejoin(&client, directory: 78)
        #expect(version == 0)
    }

    @Test("a peer that joins again gets the DELTAs that it lacks, and no SNAPSHOT") func rejoinByDelta() throws {
        let mesh = TestMesh()
        let peers = try mesh.join(3)
        mesh.run(for: .seconds(1))
        let cut = mesh.now
        mesh.rules = [{ $0.destination == peers[0].address || $0.source == peers[0].address ? .drop : nil }]
        mesh.run(for: .seconds(4))
        #expect(mesh.members.count == 2)
        mesh.rules = []
        #expect(mesh.run(atMost: .seconds(20)) { mesh.hasConverged })
        let sent = mesh.sent(.snapshot, to: peers[0].address).filter { $0.sentAt > cut }
        #expect(sent.isEmpty)
        #expect(peers[0].machine.rejections[.directoryMismatch] == 0)
        try mesh.broadcast("again", from: peers[1])
        mesh.run(for: .milliseconds(500))
        #expect(peers[0].messages.count == 1)
    }
}
