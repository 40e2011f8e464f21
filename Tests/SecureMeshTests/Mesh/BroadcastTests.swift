import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests broadcasts to many members. A peer seals such a broadcast in slices (PROTOCOL.md, section 7.2).
@Suite("Broadcasts to many members") struct BroadcastTests {
    /// A real peer that may send messages to `others`.
    private final class Speaker {
        let mesh = ScriptedMesh(seed: 11)
        var client: ScriptedMesh.Client
        var own: Entry
        let others: [Entry]
        /// For each call of the peer's machine, the time of the call and the datagrams that the machine sent.
        var calls: [(at: Instant, datagrams: [[UInt8]])] = []

        init(members: Int, messageLimits: MessageLimits = MessageLimits()) throws {
            client = try mesh.peer("a", messageLimits: messageLimits)
            own = try mesh.join(&client)
            others = try mesh.strangers(members)
            try mesh.tell(&client, [own] + others, version: 2)
            _ = mesh.transmits(&client)
        }

        func broadcast(_ body: [UInt8]) throws -> Int {
            defer { note() }
            return try client.machine.broadcast(body, limit: PeerMessage.ordinaryBody, now: mesh.now)
        }

        func send(_ body: [UInt8], to other: Entry) throws {
            defer { note() }
            try client.machine.send(body, to: other.identity, limit: PeerMessage.ordinaryBody, now: mesh.now)
        }

        func leave() {
            client.machine.leave(now: mesh.now)
            note()
        }

        /// Calls the machine at each of its deadlines until `duration` has passed.
        func run(for duration: Duration) {
            let end = mesh.now + duration
            while let next = client.machine.nextDeadline, next <= end {
                mesh.now = max(mesh.now, next)
                client.machine.handleTimeout(now: mesh.now)
                note()
            }
            mesh.now = end
        }

        func messages(_ datagrams: [[UInt8]]) -> [[UInt8]] {
            datagrams.filter { $0[1] == Kind.message.rawValue }
        }

        /// All messages that the peer has sent, in order.
        var messages: [[UInt8]] { calls.flatMap { messages($0.datagrams) } }

        func messages(to other: Entry) throws -> [[UInt8]] {
            try messages.filter { try Datagram(decoding: $0.span).header.to == other.session.rawValue }
        }

        func note() { calls.append((mesh.now, mesh.transmits(&client))) }
    }

    @Test("the first broadcast to 200 members leaves in slices of at most 40, to each member once") func slices() throws
    {
        let speaker = try Speaker(members: 200)
        #expect(try speaker.broadcast([1]) == 200)
        #expect((1...40).contains(speaker.messages.count))
        speaker.run(for: .milliseconds(200))
        #expect(speaker.calls.allSatisfy { speaker.messages($0.datagrams).count <= 40 })
        let receivers = try speaker.messages.map { try Datagram(decoding: $0.span).header.to }
        #expect(receivers.count == 200 && Set(receivers).count == 200)
        // The first broadcast created the keys of all pairs, so a slice now reaches several times as many members.
        #expect(try speaker.broadcast([2]) == 200)
        #expect(speaker.messages.count == 400)
    }

    @Test("a message to a member for which a broadcast still waits comes after that broadcast") func order() throws {
        let speaker = try Speaker(members: 100)
        #expect(try speaker.broadcast([UInt8](repeating: 1, count: 10)) == 100)
        let waiting = try #require(try speaker.others.first { try speaker.messages(to: $0).isEmpty })
        try speaker.send([UInt8](repeating: 2, count: 20), to: waiting)
        speaker.run(for: .milliseconds(200))
        let sizes = try speaker.messages(to: waiting).map(\.count)
        #expect(sizes.count == 2 && sizes == sizes.sorted())
        #expect(speaker.messages.count == 101)
    }

    @Test("a broadcast that waits reaches members that return in their new sessions, but no newcomers")
    func changedReceivers() throws {
        let speaker = try Speaker(members: 100)
        #expect(try speaker.broadcast([1]) == 100)
        let waiting = try speaker.others.filter { try speaker.messages(to: $0).isEmpty }
        let (old, gone) = (waiting[0], waiting[1])
        var returned = old
        returned.session = try Fixture.session(.max)
        let newcomer = try #require(try speaker.mesh.strangers(101).last)
        let rest = speaker.others.filter { ![old, gone].contains($0) }
        try speaker.mesh.tell(&speaker.client, [speaker.own, returned, newcomer] + rest, version: 3)
        speaker.run(for: .milliseconds(200))
        #expect(try [old, gone, newcomer].allSatisfy { try speaker.messages(to: $0).isEmpty })
        #expect(try speaker.messages(to: returned).count == 1)
        #expect(speaker.messages.count == 99)
        // The next broadcast has all present members as its receivers.
        #expect(try speaker.broadcast([2]) == 100)
        speaker.run(for: .milliseconds(200))
        #expect(try speaker.messages(to: newcomer).count == 1 && speaker.messages.count == 199)
    }

    @Test("a broadcast reaches a member that has joined since the last broadcast") func newMember() throws {
        let speaker = try Speaker(members: 3)
        #expect(try speaker.broadcast([1]) == 3)
        let newcomer = try #require(try speaker.mesh.strangers(4).last)
        try speaker.mesh.tell(&speaker.client, [speaker.own, newcomer] + speaker.others, version: 3)
        #expect(try speaker.broadcast([2]) == 4)
        #expect(try speaker.messages(to: newcomer).count == 1 && speaker.messages.count == 7)
    }

    @Test("a broadcast that waits does not keep the entries of ended sessions in memory") func endedSessions() throws {
        var entry: SharedEntry? = SharedEntry(try .sample(1))
        weak let weakEntry = entry
        let receivers = BroadcastReceivers([try #require(entry)], generation: 1)
        entry = nil
        var outbox = Outbox(within: MessageLimits())
        let signer = Signer(key: Fixture.peerKey, context: Fixture.context, from: 1)
        _ = try outbox.enqueue([1], flags: [], for: receivers, by: signer, now: .start)
        _ = consume receivers
        #expect(weakEntry != nil)
        outbox.end(try Fixture.session(1))
        #expect(weakEntry == nil && !outbox.isEmpty)
    }

    @Test("broadcasts that wait do not keep the entries of a directory that a lying server replaces again and again")
    func replacedDirectory() throws {
        var outbox = Outbox(within: MessageLimits())
        let signer = Signer(key: Fixture.peerKey, context: Fixture.context, from: 1)
        let speakers = Speakers(listed: signer, former: nil)
        var directory = DirectoryReplica(of: try Entry.sample(100).identity)
        directory.begin(1, epoch: 77)
        weak var replaced: SharedEntry?
        for version in 2...5 as ClosedRange<UInt64> {
            let entry = try Entry.sample(version, identity: 9, name: "n9", port: 9)
            _ = try directory.apply(Snapshot(version: version, part: 0, parts: 1, entries: [entry]), now: .start)
            let receivers = outbox.receivers(in: directory, by: speakers)
            #expect(receivers.all.map(\.entry) == [entry])
            _ = try outbox.enqueue([1], flags: [], for: receivers, by: signer, now: .start)
            // The replica itself keeps the first entry of the name.
            if version == 3 { replaced = receivers.all.first }
        }
        #expect(replaced == nil)
    }

    @Test("after a member has left, a message to a member still comes after the broadcasts that wait for it")
    func messageAfterChange() throws {
        let speaker = try Speaker(members: 200)
        for body: UInt8 in 1...2 { #expect(try speaker.broadcast([body]) == 200) }
        let leaving = try #require(speaker.others.max { $0.session < $1.session })
        let rest = speaker.others.filter { $0 != leaving }
        try speaker.mesh.tell(&speaker.client, [speaker.own] + rest, version: 3)
        speaker.run(for: .milliseconds(10))
        let waiting = try rest.filter { try speaker.messages(to: $0).isEmpty }
        #expect(waiting.count > 2 && speaker.messages.count > 40)
        for receiver in waiting.prefix(2) {
            try speaker.send([3], to: receiver)
            #expect(try speaker.messages(to: receiver).count == 3)
        }
        speaker.run(for: .milliseconds(500))
        let counts = try rest.map { try speaker.messages(to: $0).count }
        #expect(counts.filter { $0 == 2 }.count == 197 && counts.reduce(0, +) == 400)
        #expect(try speaker.messages(to: leaving).isEmpty)
    }

    @Test("a member that joins while a broadcast waits does not get it, and all others do") func newcomer() throws {
        let speaker = try Speaker(members: 100)
        #expect(try speaker.broadcast([1]) == 100)
        let newcomer = try #require(try speaker.mesh.strangers(101).last)
        try speaker.mesh.tell(&speaker.client, [speaker.own, newcomer] + speaker.others, version: 3)
        speaker.run(for: .milliseconds(200))
        #expect(try speaker.others.allSatisfy { try speaker.messages(to: $0).count == 1 })
        #expect(speaker.messages.count == 100)
    }

    @Test("a message to one member comes after all broadcasts that wait, and the member gets each of these once")
    func messageAfterBroadcasts() throws {
        let speaker = try Speaker(members: 100)
        for body: UInt8 in 1...3 { #expect(try speaker.broadcast([body]) == 100) }
        let waiting = try speaker.others.filter { try speaker.messages(to: $0).isEmpty }
        try speaker.send([4], to: waiting[0])
        #expect(try speaker.messages(to: waiting[0]).count == 4)
        speaker.run(for: .milliseconds(500))
        let counts = try speaker.others.map { try speaker.messages(to: $0).count }
        #expect(counts.filter { $0 == 3 }.count == 99 && counts.reduce(0, +) == 301)
    }

    @Test("a peer that leaves first sends the broadcasts that wait") func leave() throws {
        let speaker = try Speaker(members: 100)
        #expect(try speaker.broadcast([1]) == 100)
        speaker.leave()
        #expect(throws: SendError.notJoined) { try speaker.broadcast([2]) }
        speaker.run(for: .seconds(1))
        #expect(speaker.messages.count == 100)
        let kinds = speaker.calls.flatMap(\.datagrams).map { $0[1] }
        #expect(kinds.suffix(3).allSatisfy { $0 == Kind.leave.rawValue })
        #expect(speaker.client.machine.nextDeadline == nil)
    }

    @Test("a peer that leaves sends for at most 1 s, and then leaves") func leaveInTime() throws {
        let speaker = try Speaker(members: 4_000)
        #expect(try speaker.broadcast([1]) == 4_000)
        speaker.leave()
        speaker.run(for: .milliseconds(1_200))
        #expect((1_000..<4_000).contains(speaker.messages.count))
        #expect(speaker.client.machine.nextDeadline == nil)
    }

    @Test("a broadcast goes on in the sender's new session, to each member once") func newSession() throws {
        let speaker = try Speaker(members: 100)
        #expect(try speaker.broadcast([1]) == 100)
        let first = speaker.messages.count
        let (mesh, old) = (speaker.mesh, speaker.own.session)
        try mesh.deliver(.goodbye, Goodbye(session: old, reason: .expired), to: &speaker.client)
        speaker.run(for: .zero)
        // A peer that has no session sends nothing.
        #expect(speaker.messages.count == first)
        let hello = try #require(speaker.calls.last?.datagrams.first { $0[1] == Kind.hello.rawValue })
        speaker.own = try mesh.answer(hello, &speaker.client)
        try mesh.tell(&speaker.client, [speaker.own] + speaker.others, version: 3)
        speaker.note()
        speaker.run(for: .milliseconds(200))
        let headers = try speaker.messages.map { try Datagram(decoding: $0.span).header }
        #expect(headers.count == 100 && Set(headers.map(\.to)).count == 100)
        #expect(headers.prefix(first).allSatisfy { $0.from == old.rawValue })
        #expect(headers.dropFirst(first).allSatisfy { $0.from == speaker.own.session.rawValue })
    }

    @Test("what cannot be sent within 10 s is dropped") func lifetime() throws {
        let speaker = try Speaker(members: 100)
        #expect(try speaker.broadcast([1]) == 100)
        let old = speaker.own.session
        try speaker.mesh.deliver(.goodbye, Goodbye(session: old, reason: .expired), to: &speaker.client)
        speaker.run(for: Limits.broadcastLifetime)
        #expect(speaker.client.machine.usages.first { $0.name == "waiting broadcasts" }?.count == 0)
    }

    @Test("a broadcast is refused while 256 wait") func queueFull() throws {
        let speaker = try Speaker(members: 60)
        for _ in 0..<Limits.waitingBroadcasts { #expect(try speaker.broadcast([1]) == 60) }
        #expect(throws: SendError.queueFull) { try speaker.broadcast([1]) }
        speaker.run(for: .milliseconds(500))
        #expect(speaker.messages.count == 60 * Limits.waitingBroadcasts)
        #expect(try speaker.broadcast([1]) == 60)
    }

    @Test("broadcasts that waited do not together exceed the rate of a receiver") func rate() throws {
        let limits = MessageLimits(messages: Rate(perSecond: 10, burst: 4))
        let speaker = try Speaker(members: 60, messageLimits: limits)
        let start = speaker.mesh.now
        // When the six calls have returned, no member has been sent more than the first of the six broadcasts.
        for _ in 0..<6 { #expect(try speaker.broadcast([1]) == 60) }
        speaker.run(for: .seconds(1))
        #expect(speaker.messages.count == 360)
        var counts: [UInt64: Int] = [:]
        for call in speaker.calls {
            for message in speaker.messages(call.datagrams) {
                let receiver = try Datagram(decoding: message.span).header.to
                counts[receiver, default: 0] += 1
                let tenths = (call.at - start).wholeNanoseconds / 100_000_000
                #expect(counts[receiver, default: 0] <= 3 + Int(tenths))
            }
        }
    }
}
