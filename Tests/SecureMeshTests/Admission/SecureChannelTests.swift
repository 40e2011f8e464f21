import MeshSimulator
import SecureMesh
import SelfTest
import Testing

@Suite("Secure channels")
struct SecureChannelTests {
    private static let pulse = SignedPayload(
        .pulse(echo: 0, token: 2), from: Fixture.epoch, payload: Pulse(number: 1, version: 3).encoded,
        context: Fixture.context, key: Fixture.serverKey)

    private static func pair(sent: UInt64 = 0) -> (sender: SecureChannel, receiver: SecureChannel) {
        let (up, down) = (Fixture.secret(1), Fixture.secret(2))
        return (SecureChannel(receiveKey: up, sendKey: down, sent: sent), SecureChannel(receiveKey: down, sendKey: up))
    }

    private static func seal(_ session: inout SecureChannel) -> [UInt8]? {
        session.seal(pulse, to: Fixture.peerSession)
    }

    @Test("counters are 1, 2, 3 …, each once")
    func counters() throws {
        var sender = Self.pair().sender
        for expected in UInt64(1)...20 {
            let bytes = try #require(Self.seal(&sender))
            #expect(try Datagram(decoding: bytes.span).header.counter == expected)
        }
    }

    @Test("the last counter is 2^48 - 1; after it the session seals nothing")
    func lastCounter() throws {
        var sender = Self.pair(sent: ProtocolConstants.counterLimit - 3).sender
        for expected in [ProtocolConstants.counterLimit - 2, ProtocolConstants.counterLimit - 1] {
            let bytes = try #require(Self.seal(&sender))
            #expect(try Datagram(decoding: bytes.span).header.counter == expected)
        }
        for _ in 0..<3 { #expect(Self.seal(&sender) == nil) }
    }

    @Test("opening commits nothing; accepting does")
    func openThenAccept() throws {
        var (sender, receiver) = Self.pair()
        let bytes = try #require(Self.seal(&sender))
        let datagram = try Datagram(decoding: bytes.span)
        for _ in 0..<2 {
            #expect(try receiver.open(Pulse.self, bytes.span, datagram, by: Libsodium()).body.version == 3)
        }
        receiver.accept(counter: datagram.header.counter, number: 1)
        let accepted = receiver
        expectRefusal(.counterReplayed) { () throws(Rejection) in
            try accepted.open(Pulse.self, bytes.span, datagram, by: Libsodium())
        }
    }

    @Test("a datagram does not open for the end that sealed it")
    func reflection() throws {
        var sender = Self.pair().sender
        let bytes = try #require(Self.seal(&sender))
        let datagram = try Datagram(decoding: bytes.span)
        let session = sender
        expectRefusal(.sealBroken) { () throws(Rejection) in
            try session.open(Pulse.self, bytes.span, datagram, by: Libsodium())
        }
    }

    @Test("a number that is not above the newest is refused, and the newest never falls")
    func numbers() throws {
        var receiver = Self.pair().receiver
        try receiver.checkNumber(1)
        receiver.accept(counter: 1, number: 5)
        let session = receiver
        for stale in [0, 4, 5] as [UInt64] {
            expectRefusal(.numberStale) { () throws(Rejection) in try session.checkNumber(stale) }
        }
        try receiver.checkNumber(6)
        receiver.accept(counter: 2, number: 3)
        #expect(receiver.newestNumber == 5)
        receiver.accept(counter: 3)
        #expect(receiver.newestNumber == 5)
        #expect(receiver.window.refusal(of: 3) == .counterReplayed)
        receiver.accept(counter: 4, number: .max)
        let exhausted = receiver
        expectRefusal(.numberStale) { () throws(Rejection) in try exhausted.checkNumber(.max) }
    }
}
