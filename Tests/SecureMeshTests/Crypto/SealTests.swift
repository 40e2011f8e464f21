import SecureMesh
import SelfTest
import Testing

@Suite("Sealing")
struct SealTests {
    private static let head = [UInt8](repeating: 0x11, count: 28)
    private static let key = Fixture.secret(3)

    private static func sealed(_ plaintext: [UInt8], counter: UInt64 = 1) -> [UInt8] {
        var datagram = head
        Sodium.seal(plaintext, onto: &datagram, counter: counter, key: key)
        return datagram
    }

    @Test("a sealed plaintext of any size opens", arguments: [0, 1, 15, 16, 17, 64, 1_200, 65_000])
    func roundTrip(_ size: Int) {
        let plaintext = [UInt8](repeating: 0x5A, count: size)
        let datagram = Self.sealed(plaintext)
        #expect(datagram.count == 28 + size + Kind.tagSize)
        #expect(datagram.starts(with: Self.head))
        #expect(Sodium.open(datagram.span, sealed: 28..<datagram.count, counter: 1, key: Self.key) == plaintext)
    }

    @Test("a datagram does not open with another counter, key or header, or with a bit flipped, added or removed")
    func mismatches() {
        let datagram = Self.sealed([1, 2, 3])
        let range = 28..<datagram.count
        for counter in [0, 2, 0x1_0000_0001, 0xFFFF_FFFF_FFFF, UInt64.max] {
            #expect(Sodium.open(datagram.span, sealed: range, counter: counter, key: Self.key) == nil)
        }
        #expect(Sodium.open(datagram.span, sealed: range, counter: 1, key: Fixture.secret(4)) == nil)
        #expect(Sodium.open(datagram.span, sealed: 29..<datagram.count, counter: 1, key: Self.key) == nil)
        #expect(Sodium.open(datagram.span, sealed: 27..<datagram.count, counter: 1, key: Self.key) == nil)
        #expect(Sodium.open(datagram.span, sealed: 28..<(datagram.count - 1), counter: 1, key: Self.key) == nil)
        let longer = datagram + [0]
        #expect(Sodium.open(longer.span, sealed: 28..<longer.count, counter: 1, key: Self.key) == nil)
        for bit in 0..<(datagram.count * 8) {
            let flipped = datagram.flipping(bit: bit)
            #expect(Sodium.open(flipped.span, sealed: range, counter: 1, key: Self.key) == nil)
        }
    }

    @Test("a range that is outside of the datagram, or too short for a tag, does not open")
    func ranges() {
        let datagram = Self.sealed([1, 2, 3])
        for range in [0..<0, 0..<15, 28..<43, 40..<(datagram.count + 1), 100..<200, -5..<20, -20 ..< -1] {
            #expect(Sodium.open(datagram.span, sealed: range, counter: 1, key: Self.key) == nil, "\(range)")
        }
        let empty: [UInt8] = []
        #expect(Sodium.open(empty.span, sealed: 0..<0, counter: 1, key: Self.key) == nil)
        #expect(Sodium.open(empty.span, sealed: 0..<16, counter: 1, key: Self.key) == nil)
    }

    @Test("two counters seal one plaintext to two ciphertexts")
    func nonces() {
        let counters: [UInt64] = [0, 1, 2, 255, 256, 1 << 16, 1 << 32, 1 << 40, 0xFFFF_FFFF_FFFF]
        #expect(Set(counters.map { Self.sealed([7, 7], counter: $0) }).count == counters.count)
    }

    @Test("base64url has one encoding per byte string, and no padding")
    func base64url() throws {
        let bytes = try unhex("fbff00fe")
        let text = Sodium.base64url(bytes.span)
        #expect(String(decoding: text, as: UTF8.self) == "-_8A_g")
        #expect(Sodium.base64urlDecode(text, count: 4) == bytes)
        for wrong in ["-_8A_g==", "+/8A/g", "-_8A_h", "-_8A_", "-_8A_g\n", " -_8A_g", "-_8A_gA", ""] {
            #expect(Sodium.base64urlDecode(Array(wrong.utf8), count: 4) == nil, "\(wrong)")
        }
        #expect(Sodium.base64urlDecode(text, count: 3) == nil)
        #expect(Sodium.base64urlDecode(text, count: 5) == nil)
    }

    @Test("wiping leaves zeros")
    func wiping() {
        var bytes: [UInt8] = [1, 2, 3]
        Sodium.wipe(&bytes)
        #expect(bytes == [0, 0, 0])
        var empty: [UInt8] = []
        Sodium.wipe(&empty)
        #expect(empty.isEmpty)
    }
}
