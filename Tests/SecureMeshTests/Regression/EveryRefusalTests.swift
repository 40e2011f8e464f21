import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Causes each `Rejection` with a datagram that the server or a peer handles.
///
/// The switch over the cases is exhaustive. So if a new case has no line here, the code does not compile.
@Suite("Every refusal")
struct EveryRefusalTests {
    @Test(
        "every refusal can be provoked at the server or at a peer, and is counted under its name",
        arguments: Rejection.allCases)
    func isProvoked(_ rejection: Rejection) throws {
        #expect(try Self.counters(provoking: rejection)[rejection] >= 1)
    }

    private static func counters(provoking rejection: Rejection) throws -> RejectionCounters {
        switch rejection {
        // These datagrams have a wrong header.
        case .truncatedHeader: try atServer { $0.inject([]) }
        case .unsupportedVersion: try atServer { $0.inject($0.hello().replacing(at: 0, with: [2])) }
        case .unknownKind: try atServer { $0.inject($0.hello().replacing(at: 1, with: [0x40])) }
        case .lengthMismatch: try atServer { $0.inject($0.hello() + [0]) }
        case .sizeOutOfRange: try atServer { $0.inject(($0.hello() + [0]).withLength) }
        case .invalidSessionIDs: try atServer { $0.inject($0.hello().replacing(at: 4, with: [1])) }
        case .counterOutOfRange: try atServer { $0.inject($0.hello().replacing(at: 27, with: [1])) }
        case .nonCanonicalAgreementKey:
            try atServer { $0.inject($0.hello().replacing(at: 44, with: [UInt8](repeating: 0xFF, count: 32))) }

        // These datagrams are correctly signed and sealed, but have a wrong payload.
        case .nonZeroPadding: try atServer { hand in hand.inject(try hand.forgedHello { $0.dropLast() + [1] }) }
        case .invalidName:
            try atServer { hand in hand.inject(try hand.forgedHello { $0.replacing(at: 33, with: [0x1B]) }) }
        case .invalidAddress:
            // This change sets the port to 0. The port is followed by the length of the name and the two characters of
            // the name.
            try atMember { try $0.delta(adding: [.sample(7)]) { $0.replacing(at: $0.count - 5, with: [0, 0]) } }
        case .entriesOutOfOrder: try atMember { try $0.delta(adding: [.sample(8), .sample(7)]) }
        case .partOutOfRange: try atMember { try $0.snapshot { $0.replacing(at: 9, with: [1]) } }
        case .versionOutOfRange:
            try atMember { try $0.delta(adding: [.sample(7)]) { $0.replacing(at: 15, with: [2]) } }
        case .emptyDelta: try atMember { try $0.delta(adding: []) }
        case .unknownReason: try atMember { try $0.tell(.goodbye, RawPayload([UInt8](bigEndian: 1) + [7])) }
        case .payloadLengthMismatch: try atMember { try $0.snapshot { $0.replacing(at: 12, with: [2]) } }
        case .unknownFlag:
            try atMember { member in
                let payload = Pulse(number: 50, version: 2).encoded.replacing(at: 16, with: [4])
                try member.tell(.pulse(echo: 1, token: 1), RawPayload(payload))
            }
        case .numberOutOfRange:
            try atReceiver { hand, peers in
                let entry = try hand.entry(of: peers[1])
                let ack = hand.peer.acknowledgment(of: 0, to: entry)
                hand.mesh.inject(try #require(ack).bytes, from: hand.address, to: peers[1].address)
            }
        case .invalidParameters:
            try atJoiner { served in
                let none = SessionParameters(heartbeat: .zero, lifetime: .zero, trust: .zero, rekey: .zero)
                _ = try served.mesh.join(&served.client, parameters: none)
            }

        // These are HELLOs and the answers to a HELLO.
        case .sourceNotAllowed: try atServer { $0.inject($0.hello(), from: TestMesh.server) }
        case .misdirected: try atServer { $0.inject(try Sample.of(.pulse).bytes) }
        case .overBudget:
            try atServer { hand in
                let cookie = try hand.cookie()
                for _ in 0..<400 { hand.mesh.inject(hand.hello(cookie: cookie), from: hand.address) }
                hand.mesh.run(for: .zero)
            }
        case .prefixOverRate:
            try atServer { hand in
                let cookie = try hand.cookie()
                for _ in 0..<8 {
                    hand.mesh.run(for: .milliseconds(100))
                    hand.flood(200, cookie: cookie)
                }
            }
        case .agreementFailed:
            try atServer { $0.inject(try $0.forgedHello(ephemeral: AgreementPublicKey(bytes: .zero))) }
        case .sealBroken: try atServer { $0.inject($0.hello().flipping(bit: 255 * 8)) }
        case .signatureInvalid: try atServer { $0.inject(try $0.forgedHello(by: $0.mesh.makeKey())) }
        case .identityInvalid:
            try atServer { hand in
                let server = hand.mesh.serverKey.publicKey.bytes.array
                hand.inject(try hand.forgedHello { $0.replacing(at: 0, with: server) })
            }
        case .unknownTag: try atJoiner { $0.handle(try Sample.of(.welcome).bytes) }
        case .tooManyFailedAnswers:
            try atJoiner { served in
                let tag = [UInt8](bigEndian: Handshake.tag(of: try served.hello()))
                for _ in 0..<5 { served.handle(try Sample.of(.welcome).bytes.replacing(at: 4, with: tag)) }
            }
        case .repeatedRetry:
            try atJoiner { served in
                try served.retry(to: served.hello())
                let second = try served.newest()
                for _ in 0..<2 { try served.retry(to: second) }
            }

        // These are CONFIRMs.
        case .unknownTicket:
            try atServer { hand in
                try hand.beWelcomed()
                let confirm = try hand.confirm()
                for _ in 0..<2 { hand.inject(confirm) }
            }
        case .ticketExpired:
            try atServer { hand in
                try hand.beWelcomed()
                hand.mesh.run(for: .seconds(5))
                hand.inject(try hand.confirm())
            }
        case .ticketSourceMismatch:
            try atServer { hand in
                try hand.beWelcomed()
                hand.inject(try hand.confirm(), from: elsewhere)
            }
        case .tokenMismatch:
            try atServer { hand in
                try hand.beWelcomed()
                let body = Heartbeat(number: 1, token: hand.peer.token &+ 1, version: 0, part: 0)
                hand.inject(try #require(hand.peer.draft(.confirm, body)).bytes)
            }
        // These are handshakes after a restart of a server that keeps its directory.
        case .resumeOutstanding:
            try atServer(keeping: KeptDirectory()) { hand in
                try hand.join()
                hand.mesh.killServer()
                hand.mesh.startServer()
                hand.inject(hand.hello())
                let cookie = try VerifiedRetry(hand.received(.retry), in: hand.peer.context).cookie
                hand.inject(hand.hello(cookie: cookie))
            }
        case .resumeNotWanted:
            try atMember { member in
                var server = try #require(member.client.server)
                let resume = try server.resume(start: 1, epoch: Fixture.epoch + 1, ephemeral: Fixture.secret(12))
                for _ in 0..<2 { member.handle(resume.bytes) }
            }
        case .admissionWithdrawn:
            try atServer { hand in
                try hand.beWelcomed()
                hand.mesh.setRoster(Roster(authorized: [:]))
                hand.inject(try hand.confirm())
            }

        // These are datagrams of sessions, to the server.
        case .unknownSession:
            try afterJoin { $0.inject(try $0.heartbeat().replacing(at: 12, with: [UInt8](bigEndian: 1))) }
        case .sessionEnded:
            try afterJoin { hand in
                let leave = try hand.leave(number: 2)
                for _ in 0..<2 { hand.inject(leave) }
            }
        case .sourceMismatch: try afterJoin { $0.inject(try $0.heartbeat(), from: elsewhere) }
        case .counterReplayed:
            try afterJoin { hand in
                let heartbeat = try hand.heartbeat()
                for _ in 0..<2 { hand.inject(heartbeat) }
            }
        case .counterTooOld:
            try afterJoin { hand in
                for counter: UInt64 in [3_000, 2] { hand.inject(try hand.heartbeat(counter: counter)) }
            }
        case .memberOverRate: try afterJoin { hand in for _ in 0..<50 { hand.inject(try hand.heartbeat()) } }
        case .numberStale:
            try afterJoin { hand in
                hand.inject(try hand.heartbeat())
                hand.peer.number -= 1
                hand.inject(try hand.heartbeat())
            }
        case .memberMisbehaved: try afterJoin { $0.inject(try $0.heartbeat(by: $0.mesh.makeKey())) }

        // These are datagrams about the directory, to a peer.
        case .deltaNotApplicable:
            try atMember { member in for _ in 0..<2 { try member.delta(adding: [.sample(7)]) } }
        case .snapshotNotWanted: try atMember { member in for _ in 0..<2 { try member.snapshot() } }
        case .directoryContradiction:
            try atMember { try $0.delta(adding: [.sample(7, name: $0.name.description)]) }
        case .directoryMismatch:
            try atMember { try $0.tell(.pulse(echo: 1, token: 1), Pulse(number: 50, version: 2)) }

        // These are messages.
        case .untrusted:
            try atMember { member in
                member.mesh.now = at(60_001)
                try member.message(from: .sample(7))
            }
        case .unknownSender: try atMember { try $0.message(from: .sample(7)) }
        case .bindingInvalid:
            try atMember { member in
                try member.delta(adding: [.sample(7)])
                try member.message(from: .sample(7))
            }
        case .agreementOverRate:
            // No entry here has a signature by its owner. The limit applies earlier: before the peer checks that
            // signature and computes a key.
            try atMember { member in
                let senders = try (UInt64(1)...201).map { try Entry.sample($0) }
                for (step, sender) in senders.enumerated() {
                    try member.tell(.delta, Delta(from: UInt64(step) + 2, removed: [], added: [sender]))
                }
                for sender in senders { try member.message(from: sender) }
            }
        case .notAddressedToMe:
            try atReceiver { hand, peers in
                let message = try hand.message("for A", to: peers[1], audience: peers[0].publicKey, number: 1)
                hand.mesh.inject(message, from: hand.address, to: peers[1].address)
            }
        case .senderOverRate:
            try atReceiver { hand, peers in
                for number in 1...UInt64(Limits.messageRate.burst + 1) {
                    let message = try hand.message("x", to: peers[1], audience: nil, number: number)
                    hand.mesh.inject(message, from: hand.address, to: peers[1].address)
                }
            }
        case .messagesOverRate: try atBusyReceiver()
        }
    }

    /// Returns the rejection counters of a peer that accepts at most 1,000 bytes of messages at once, and has been sent
    /// more.
    private static func atBusyReceiver() throws -> RejectionCounters {
        let limits = MessageLimits(totalBytes: Rate(perSecond: 1, burst: 1_000))
        let mesh = ScriptedMesh(seed: 5)
        var (a, b) = (try mesh.peer("a", messageLimits: limits), try mesh.peer("b"))
        try mesh.introduce(&a, &b)
        let body = [UInt8](repeating: 0, count: 600)
        for _ in 0..<2 { _ = try b.machine.broadcast(body, limit: body.count, now: mesh.now) }
        for message in mesh.transmits(&b) where message[1] == Kind.message.rawValue { mesh.hand(message, to: &a) }
        return a.machine.rejections
    }

    private static let place = SocketAddress(ip: .v4(0x0A02_0001), port: 5_000)
    private static let elsewhere = SocketAddress(ip: .v4(0x0A02_0002), port: 5_000)

    private static func atServer(
        keeping kept: KeptDirectory? = nil, _ act: (ScriptedMember) throws -> Void
    ) throws -> RejectionCounters {
        let mesh = TestMesh { $0.kept = kept }
        try act(ScriptedMember("hand", at: place, in: mesh))
        return try #require(mesh.registry).rejections
    }

    private static func afterJoin(_ act: (ScriptedMember) throws -> Void) throws -> RejectionCounters {
        try atServer { hand in
            try hand.join()
            try act(hand)
        }
    }

    private static func atJoiner(_ act: (ServedPeer) throws -> Void) throws -> RejectionCounters {
        let served = try ServedPeer()
        try act(served)
        return served.rejections
    }

    private static func atMember(_ act: (ServedPeer) throws -> Void) throws -> RejectionCounters {
        try atJoiner { try act($0.join()) }
    }

    /// Makes two peers and a scripted member join, and lets `act` send datagrams as that member.
    ///
    /// - Returns: The rejection counters of the second peer.
    private static func atReceiver(_ act: (ScriptedMember, [TestPeer]) throws -> Void) throws -> RejectionCounters {
        let mesh = TestMesh()
        let peers = try mesh.join(2)
        let hand = try ScriptedMember("hand", at: place, in: mesh)
        try hand.join()
        mesh.run(for: .milliseconds(600))
        try act(hand, peers)
        mesh.run(for: .milliseconds(10))
        return peers[1].machine.rejections
    }
}
