import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests the gates of ACK (PROTOCOL.md, section 7.3).
@Suite("Acknowledgments") struct AcknowledgmentTests {
    private let place = SocketAddress(ip: .v4(0x0A02_0001), port: 5_000)

    /// Creates a mesh of two honest peers, A and C, and a scripted peer, B.
    private func mesh() throws -> (TestMesh, a: TestPeer, b: ScriptedMember, c: TestPeer) {
        let mesh = TestMesh()
        let peers = try mesh.join(2)
        let hand = try ScriptedMember("hand", at: place, in: mesh)
        try hand.join()
        mesh.run(for: .milliseconds(600))
        return (mesh, peers[0], hand, peers[1])
    }

    private func acknowledgment(
        by member: ScriptedMember, to peer: TestPeer, counter: UInt64,
        _ change: (inout Acknowledgment) -> Void = { _ in }
    ) throws -> ForgedDatagram {
        let entry = try member.entry(of: peer)
        let draft = member.peer.acknowledgment(of: 7, to: entry, counter: counter)
        var body = Acknowledgment(audience: entry.identity, session: entry.session, number: 7)
        change(&body)
        var changed = try #require(draft)
        changed.payload = body.encoded
        return changed
    }

    private func inject(_ bytes: [UInt8], to peer: TestPeer, in mesh: TestMesh) {
        mesh.inject(bytes, from: place, to: peer.address)
        mesh.run(for: .zero)
    }

    @Test("an ACK passes the gates once and is no event") func accepted() throws {
        let (mesh, _, b, c) = try mesh()
        let events = c.events.count
        let ack = try acknowledgment(by: b, to: c, counter: 1).bytes
        inject(ack, to: c, in: mesh)
        #expect(c.machine.rejections.total == 0)
        inject(ack, to: c, in: mesh)
        #expect(c.machine.rejections[.counterReplayed] == 1)
        #expect(c.events.count == events)
    }

    @Test("MESSAGE and ACK share the counters of their pair") func sharedWindow() throws {
        let (mesh, _, b, c) = try mesh()
        inject(try b.message("hi", to: c, audience: nil, number: 1), to: c, in: mesh)
        inject(try acknowledgment(by: b, to: c, counter: 1).bytes, to: c, in: mesh)
        #expect(c.machine.rejections[.counterReplayed] == 1)
        #expect(c.messages.count == 1)
    }

    @Test("an ACK for another member's message, or for another session of this one, is refused") func readdressed()
        throws
    {
        let (mesh, a, b, c) = try mesh()
        let other = try b.entry(of: a)
        let identity = try acknowledgment(by: b, to: c, counter: 1) { $0.audience = other.identity }
        let session = try acknowledgment(by: b, to: c, counter: 1) { $0.session = other.session }
        for ack in [identity, session] { inject(ack.bytes, to: c, in: mesh) }
        #expect(c.machine.rejections[.notAddressedToMe] == 2)
    }

    @Test("an ACK with a wrong signature is refused and leaves the window unchanged") func badSignature() throws {
        let (mesh, _, b, c) = try mesh()
        let ack = try acknowledgment(by: b, to: c, counter: 1)
        inject(ack.signed(by: mesh.makeKey()).bytes, to: c, in: mesh)
        #expect(c.machine.rejections[.signatureInvalid] == 1)
        inject(ack.bytes, to: c, in: mesh)
        #expect(c.machine.rejections.total == 1)
    }

    @Test("ACKs above a sender's rate are refused, and cost its messages nothing") func rate() throws {
        let (mesh, _, b, c) = try mesh()
        let burst = UInt64(Limits.messageRate.burst)
        for counter in 1...burst + 1 {
            mesh.inject(try acknowledgment(by: b, to: c, counter: counter).bytes, from: place, to: c.address)
        }
        mesh.run(for: .zero)
        #expect(c.machine.rejections[.senderOverRate] == 1)
        inject(try b.message("hi", to: c, audience: nil, number: burst + 2), to: c, in: mesh)
        #expect(c.messages.count == 1)
    }

    @Test("no single-bit flip of an ACK is accepted or moves the window") func bitFlips() throws {
        let (mesh, _, b, c) = try mesh()
        let ack = try acknowledgment(by: b, to: c, counter: 1).bytes
        for bit in 0..<ack.count * 8 { mesh.inject(ack.flipping(bit: bit), from: place, to: c.address) }
        mesh.run(for: .zero)
        let refused = c.machine.rejections.total
        #expect(refused == UInt64(ack.count * 8))
        inject(ack, to: c, in: mesh)
        #expect(c.machine.rejections.total == refused)
    }

    @Test("a stranger's ACK is refused") func stranger() throws {
        let (mesh, _, b, c) = try mesh()
        var ack = try acknowledgment(by: b, to: c, counter: 1)
        ack.from = 1
        inject(ack.bytes, to: c, in: mesh)
        #expect(c.machine.rejections[.unknownSender] == 1)
    }
}
