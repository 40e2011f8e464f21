import FuzzKit
import MeshSimulator
import SecureMesh
import SelfTest
import Testing

@Suite("Round trips")
struct RoundTripTests {
    @Test("a random payload of every kind decodes to itself", arguments: Seeds.few)
    func payloads(seed: UInt64) throws {
        var random = RandomPayloads(seed: seed)
        for _ in 0..<40 {
            try expectRoundTrip(random.hello())
            try expectRoundTrip(random.welcome())
            try expectRoundTrip(random.reject())
            try expectRoundTrip(random.resume())
            try expectRoundTrip(random.heartbeat())
            try expectRoundTrip(Leave(number: random.number()))
            try expectRoundTrip(random.pulse())
            try expectRoundTrip(random.snapshot())
            try expectRoundTrip(random.delta())
            try expectRoundTrip(random.goodbye())
            try expectRoundTrip(random.message())
            try expectRoundTrip(random.acknowledgment())
        }
    }

    private func expectRoundTrip<Body: Payload>(_ body: Body) throws {
        let bytes = body.encoded
        #expect(try Body(decoding: bytes.span) == body, "\(bytes.hex)")
    }

    @Test("random bytes that a payload decoder accepts encode to the same bytes", arguments: Seeds.few)
    func randomPayloads(seed: UInt64) throws {
        var random = RandomPayloads(seed: seed)
        for kind in Kind.allCases {
            for _ in 0..<60 {
                let size = random.below(2) == 0 ? kind.payloadSize : Int(random.below(300))
                #expect(flaw(of: kind, payload: random.bytes(size)) == nil)
            }
        }
    }

    @Test("a damaged payload that is accepted encodes to the same bytes", arguments: Seeds.few)
    func mutatedPayloads(seed: UInt64) throws {
        var random = RandomPayloads(seed: seed)
        for kind in Kind.allCases where kind != .retry {
            for _ in 0..<60 {
                var bytes = try random.encoded(kind)
                for _ in 0...random.below(3) { Tampering(&random.random, size: bytes.count).apply(to: &bytes) }
                #expect(flaw(of: kind, payload: bytes) == nil)
            }
        }
    }

    @Test("a damaged datagram that is accepted encodes to the same bytes", arguments: Seeds.few)
    func mutatedDatagrams(seed: UInt64) throws {
        var random = RandomPayloads(seed: seed)
        let samples = try Sample.all().map(\.bytes)
        var accepted = 0
        for _ in 0..<3_000 {
            var bytes = samples[Int(random.below(UInt64(samples.count)))]
            for _ in 0..<random.below(4) { Tampering(&random.random, size: bytes.count).apply(to: &bytes) }
            if random.below(2) == 0, bytes.count >= 4 { bytes = bytes.withLength }
            guard let datagram = try? Datagram(decoding: bytes.span) else { continue }
            accepted += 1
            #expect(flaw(ofDatagram: bytes) == nil)
            #expect(try Datagram(decoding: bytes.span) == datagram)
        }
        #expect(accepted > 300)
    }

    @Test("a random header of every kind decodes to itself", arguments: Seeds.few)
    func headers(seed: UInt64) throws {
        var random = RandomPayloads(seed: seed)
        for kind in Kind.allCases {
            for _ in 0..<20 {
                let header = header(kind, &random)
                let size = kind.isFixedSize ? kind.minimumSize : kind.minimumSize + Int(random.below(500))
                let bytes = header.encode(size: size)
                let datagram = try Datagram(decoding: (bytes + random.bytes(size - bytes.count)).span)
                #expect(datagram.header == header)
                #expect(datagram.sealed == bytes.count..<size)
            }
        }
    }

    private func header(_ kind: Kind, _ random: inout RandomPayloads) -> Header {
        let from = kind == .hello ? 0 : max(random.number(), 2)
        let to = kind == .hello ? 0 : from - 1
        let counter = kind.isHandshake ? 0 : 1 + random.below(ProtocolConstants.counterLimit - 1)
        let fields = OpenFields(
            kind, cookie: random.random.bytes16(), ephemeral: random.agreementKey(), rotation: random.number(),
            salt: random.random.bytes32(), echo: random.number(), token: random.number())
        return Header(fields, to: to, from: from, counter: counter)
    }
}
