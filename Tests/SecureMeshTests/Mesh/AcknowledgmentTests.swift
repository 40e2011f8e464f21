import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Tests the gates of ACK (PROTOCOL.md, section 7.3).
@Suite("Acknowledgments") struct AcknowledgmentTests {
    private let mesh = TestMesh()
    /// The honest peers A and C.
    private let peers: [TestPeer]
    private let b: ScriptedMember

    init() throws {
        peers = try mesh.join(2)
        b = try mesh.joinScripted()
    }

    private var c: TestPeer { peers[1] }

    /// Returns an ACK by B for a message of C.
    private func acknowledgment(
        counter: UInt64, _ change: (inout Acknowledgment) -> Void = { _ in }
    ) throws -> ForgedDatagram {
        let entry = try b.entry(of: c)
        let draft = b.peer.acknowledgment(of: 7, to: entry, counter: counter)
        var body = Acknowledgment(audience: entry.identity, session: entry.session, number: 7)
        change(&body)
        var changed = try #require(draft)
        changed.payload = body.encoded
        return changed
    }

    private func inject(_ bytes: [UInt8]) {
        mesh.inject(bytes, from: .place, to: c.address)
        mesh.run(for: .zero)
    }

    @Test("an ACK passes the gates once and is no event") func accepted() throws {
        let events = c.events.count
        let ack = try acknowledgment(counter: 1).bytes
        inject(ack)
        #expect(c.machine.rejections.total == 0)
        inject(ack)
        #expect(c.machine.rejections[.counterReplayed] == 1)
        #expect(c.events.count == events)
    }

    @Test("MESSAGE and ACK share the counters of their pair") func sharedWindow() throws {
        inject(try b.message("hi", to: c, audience: nil, number: 1))
        inject(try acknowledgment(counter: 1).bytes)
        #expect(c.machine.rejections[.counterReplayed] == 1)
        #expect(c.messages.count == 1)
    }

    @Test("an ACK for another member's message, or for another session of this one, is refused")
    func readdressed() throws {
        let other = try b.entry(of: peers[0])
        let identity = try acknowledgment(counter: 1) { $0.audience = other.identity }
        let session = try acknowledgment(counter: 1) { $0.session = other.session }
        for ack in [identity, session] { inject(ack.bytes) }
        #expect(c.machine.rejections[.notAddressedToMe] == 2)
    }

    @Test("an ACK with a wrong signature is refused and leaves the window unchanged") func badSignature() throws {
        let ack = try acknowledgment(counter: 1)
        inject(ack.signed(by: mesh.makeKey()).bytes)
        #expect(c.machine.rejections[.signatureInvalid] == 1)
        inject(ack.bytes)
        #expect(c.machine.rejections.total == 1)
    }

    @Test("ACKs above a sender's rate are refused, and cost its messages nothing") func rate() throws {
        let burst = UInt64(Limits.messageRate.burst)
        for counter in 1...burst + 1 {
            mesh.inject(try acknowledgment(counter: counter).bytes, from: .place, to: c.address)
        }
        mesh.run(for: .zero)
        #expect(c.machine.rejections[.senderOverRate] == 1)
        inject(try b.message("hi", to: c, audience: nil, number: burst + 2))
        #expect(c.messages.count == 1)
    }

    @Test("no single-bit flip of an ACK is accepted or moves the window") func bitFlips() throws {
        let ack = try acknowledgment(counter: 1).bytes
        for bit in 0..<ack.count * 8 { mesh.inject(ack.flipping(bit: bit), from: .place, to: c.address) }
        mesh.run(for: .zero)
        let refused = c.machine.rejections.total
        #expect(refused == UInt64(ack.count * 8))
        inject(ack)
        #expect(c.machine.rejections.total == refused)
    }

    @Test("a stranger's ACK is refused") func stranger() throws {
        var ack = try acknowledgment(counter: 1)
        ack.from = 1
        inject(ack.bytes)
        #expect(c.machine.rejections[.unknownSender] == 1)
    }
}
