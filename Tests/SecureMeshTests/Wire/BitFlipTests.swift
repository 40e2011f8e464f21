import SecureMesh
import SelfTest
import Testing

@Suite("Bit flips")
struct BitFlipTests {
    @Test(
        "a datagram with one flipped bit is refused by the decoder, the seal or the signature",
        arguments: Kind.allCases.filter { $0 != .retry })
    func sealedKinds(_ kind: Kind) throws {
        let sample = try Sample.of(kind)
        #expect(sample.refusal(of: sample.bytes) == nil)
        for bit in 0..<(sample.bytes.count * 8) {
            #expect(sample.refusal(of: sample.bytes.flipping(bit: bit)) != nil, "bit \(bit)")
        }
    }

    @Test("a RETRY with one flipped bit verifies only if the bit is of the tag or of the cookie")
    func retry() throws {
        let sample = try Sample.of(.retry)
        let tag = (4 * 8)..<(12 * 8)
        let cookie = (Header.size * 8)..<((Header.size + Bytes16.count) * 8)
        for bit in 0..<(sample.bytes.count * 8) {
            let isUnsigned = tag.contains(bit) || cookie.contains(bit)
            #expect((sample.refusal(of: sample.bytes.flipping(bit: bit)) == nil) == isUnsigned, "bit \(bit)")
        }
    }

    @Test(
        "a payload or signature with one flipped bit is refused, even if an insider seals it again",
        arguments: Kind.allCases)
    func resealed(_ kind: Kind) throws {
        let sample = try Sample.of(kind)
        #expect(sample.refusal(of: sample.reseal(sample.plaintext)) == nil)
        for bit in 0..<(sample.plaintext.count * 8) {
            #expect(sample.refusal(of: sample.reseal(sample.plaintext.flipping(bit: bit))) != nil, "bit \(bit)")
        }
    }

    @Test("a datagram whose kind is changed is refused: the kind is signed", arguments: Kind.allCases)
    func otherKinds(_ kind: Kind) throws {
        let bytes = try Sample.of(kind).bytes
        for other in try Sample.all() where other.kind != kind {
            #expect(other.refusal(of: bytes.replacing(at: 1, with: [other.kind.rawValue])) != nil, "\(other.kind)")
        }
    }
}
