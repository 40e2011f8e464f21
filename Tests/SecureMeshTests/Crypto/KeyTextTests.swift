import SecureMesh
import SelfTest
import Testing

@Suite("Key text")
struct KeyTextTests {
    @Test("the text of a public key decodes to the key, and has 56 characters", arguments: UInt8(1)...20)
    func publicRoundTrip(_ byte: UInt8) throws {
        let key = Fixture.key(byte).publicKey
        let text = key.description
        #expect(text.hasPrefix("p2ppub1_"))
        #expect(text.utf8.count == 56)
        #expect(try PublicKey(text) == key)
    }

    @Test("the text of a secret key decodes to the key, and has 59 characters", arguments: UInt8(1)...20)
    func secretRoundTrip(_ byte: UInt8) throws {
        let text = Self.secretText(Fixture.key(byte))
        #expect(text.starts(with: Array("P2PSECRET1_".utf8)))
        #expect(text.count == 59)
        let again = try SigningKey(text.span)
        #expect(again.publicKey == Fixture.key(byte).publicKey)
        #expect(Self.secretText(again) == text)
    }

    @Test("a public key with any one character changed is refused", arguments: [UInt8(2), 4])
    func publicSlips(_ byte: UInt8) throws {
        let text = Array(Fixture.key(byte).publicKey.description.utf8)
        for index in text.indices {
            for character in UInt8(0)..<0x80 where character != text[index] {
                #expect(Self.publicError(text.replacing(at: index, with: [character])) != nil, "\(index)")
            }
        }
    }

    @Test("a secret key with any one byte changed is refused, an underscore too", arguments: [UInt8(2), 0xFF])
    func secretSlips(_ byte: UInt8) throws {
        let text = Self.secretText(Fixture.key(byte))
        #expect((byte == 0xFF) == text.dropFirst(11).contains(UInt8(ascii: "_")))
        for index in text.indices {
            for character in UInt8.min...UInt8.max where character != text[index] {
                #expect(Self.secretError(text.replacing(at: index, with: [character])) != nil, "\(index)")
            }
        }
    }

    @Test("a key with two characters swapped, one missing or one doubled is refused")
    func otherSlips() {
        let text = Array(Fixture.peerKey.publicKey.description.utf8)
        for index in text.indices.dropLast() {
            var swapped = text
            swapped.swapAt(index, index + 1)
            if swapped != text { #expect(Self.publicError(swapped) != nil, "\(index)") }
            var lost = text
            lost.remove(at: index)
            #expect(Self.publicError(lost) != nil, "\(index)")
            var doubled = text
            doubled.insert(text[index], at: index)
            #expect(Self.publicError(doubled) != nil, "\(index)")
        }
    }

    @Test("a secret key in place of a public one has an error of its own, and the other way round")
    func mixedUp() {
        let secret = Self.secretText(Fixture.peerKey)
        #expect(Self.publicError(secret) == .secretKey)
        #expect(Self.secretError(Array(Fixture.peerKey.publicKey.description.utf8)) == .publicKey)
        // The error is the same for a damaged secret key. A user who pastes a secret key must get this error in any
        // case.
        #expect(Self.publicError(Array(secret.prefix(15))) == .secretKey)
        // If the body of a secret key follows the prefix of a public key, the checksum is wrong.
        #expect(Self.publicError(Array("p2ppub1_".utf8) + secret.dropFirst(11)) == .wrongCheck)
        #expect(
            Self.secretError(
                Array("P2PSECRET1_".utf8) + Array(Fixture.peerKey.publicKey.description.utf8).dropFirst(8))
                == .wrongCheck)
    }

    static let malformed: [(String, KeyTextError)] = [
        ("", .wrongPrefix), ("p2ppub1", .wrongPrefix), ("P2PPUB1_", .wrongPrefix), ("p2psecret1_", .wrongPrefix),
        ("p2ppub2_", .wrongPrefix), (" p2ppub1_", .wrongPrefix), ("p2ppub1_", .malformed),
        ("p2ppub1_" + String(repeating: "A", count: 47), .malformed),
        ("p2ppub1_" + String(repeating: "A", count: 49), .malformed),
        ("p2ppub1_" + String(repeating: "A", count: 47) + "=", .malformed),
        ("p2ppub1_" + String(repeating: "A", count: 47) + "+", .malformed),
        ("p2ppub1_" + String(repeating: "A", count: 47) + "/", .malformed),
        ("p2ppub1_" + String(repeating: " ", count: 48), .malformed),
        ("p2ppub1_" + String(repeating: "é", count: 24), .malformed),
        ("p2ppub1_" + String(repeating: "A", count: 48), .wrongCheck),
    ]

    @Test("a text that is not that of a key is refused with its reason", arguments: malformed)
    func refusedForItsReason(_ text: String, expected: KeyTextError) {
        #expect(Self.publicError(Array(text.utf8)) == expected)
    }

    @Test("a well-formed text whose bytes are not a valid key is refused", arguments: SignatureEdgeTests.badPoints)
    func invalidPoints(_ hex: String) throws {
        let point = try unhex(hex)
        let checked = Array("p2ppub1_".utf8) + point
        let body = point + Sodium.hash(.keyText, checked.span).array.prefix(4)
        let text = Sodium.base64url(body.span)
        #expect(Self.publicError(Array("p2ppub1_".utf8) + text) == .invalidPoint)
    }

    @Test("an error stores no part of a secret, and a key prints none")
    func noSecretIsShown() throws {
        let text = Self.secretText(Fixture.peerKey)
        let errors: [KeyTextError] = [
            .wrongPrefix, .secretKey, .publicKey, .malformed, .wrongCheck, .invalidPoint,
        ]
        for error in errors { #expect(Mirror(reflecting: error).children.isEmpty) }
        var dumped = ""
        dump(Fixture.peerKey, to: &dumped)
        dump(Fixture.secret(0xA7), to: &dumped)
        dumped += "\(Fixture.peerKey) \(String(reflecting: Fixture.peerKey)) \(Fixture.secret(0xA7))"
        #expect(!dumped.contains(String(decoding: text.dropFirst(11).prefix(8), as: UTF8.self)))
        #expect(!dumped.lowercased().contains("a7a7") && !dumped.contains("167, 167"))
        #expect(!dumped.contains("2, 2, 2, 2") && !dumped.contains("0202"))
    }

    private static func secretText(_ key: SigningKey) -> [UInt8] {
        key.withSecretText { [UInt8](copying: $0) }
    }

    private static func publicError(_ text: [UInt8]) -> KeyTextError? {
        thrownError { () throws(KeyTextError) in try PublicKey(String(decoding: text, as: UTF8.self)) }
    }

    private static func secretError(_ text: [UInt8]) -> KeyTextError? {
        thrownError { () throws(KeyTextError) in try SigningKey(text.span) }
    }
}
