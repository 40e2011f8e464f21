import MeshSimulator
import SecureMesh
import SelfTest
import Testing

@Suite("Payloads: handshake and session")
struct PayloadRefusalTests {
    /// Pairs: the field NAME33 in hexadecimal, and the reason for its refusal; nil if it is accepted.
    static let names: [(String, Rejection?)] = [
        ("01 41" + zeros(31), nil),
        ("20" + String(repeating: "7a", count: 32), nil),
        ("03 2d2e5f" + zeros(29), nil),
        // The length is 0, 33 or 255.
        (zeros(33), .invalidName),
        ("21" + String(repeating: "61", count: 32), .invalidName),
        ("ff" + String(repeating: "61", count: 32), .invalidName),
        // The names contain, one each: NUL, a space, a slash, an at sign, a backquote, a brace, DEL, a character
        // outside of ASCII, a newline and ESC.
        ("02 4100" + zeros(30), .invalidName),
        ("02 4120" + zeros(30), .invalidName),
        ("01 2f" + zeros(31), .invalidName),
        ("01 40" + zeros(31), .invalidName),
        ("01 60" + zeros(31), .invalidName),
        ("01 7b" + zeros(31), .invalidName),
        ("01 7f" + zeros(31), .invalidName),
        ("02 c3a9" + zeros(30), .invalidName),
        ("02 410a" + zeros(30), .invalidName),
        ("02 1b41" + zeros(30), .invalidName),
        // The length is shorter than the name. So a byte of the name stands in the padding, which must be zero.
        ("01 4142" + zeros(30), .nonZeroPadding),
        ("01 41" + zeros(30) + "01", .nonZeroPadding),
        ("1f" + String(repeating: "61", count: 32), .nonZeroPadding),
    ]

    @Test("a HELLO's name is 1 to 32 allowed bytes and zeros", arguments: names)
    func helloName(_ name: String, expected: Rejection?) throws {
        let payload = try unhex(name).withIdentity + [UInt8](repeating: 0, count: 35)
        #expect(refusal(of: .hello, payload: payload) == expected)
    }

    @Test("a HELLO whose last 35 bytes are not all zero is refused", arguments: 65..<100)
    func helloPadding(_ offset: Int) throws {
        let payload = try unhex(Self.names[0].0).withIdentity + [UInt8](repeating: 0, count: 35)
        for byte in [UInt8(1), 0x80, 0xFF] {
            #expect(refusal(of: .hello, payload: payload.replacing(at: offset, with: [byte])) == .nonZeroPadding)
        }
    }

    @Test("a payload cut at any offset is refused", arguments: Kind.allCases.filter { $0 != .retry })
    func truncated(_ kind: Kind) throws {
        let payload = Array(try Sample.of(kind).plaintext.dropLast(Signature.count))
        #expect(refusal(of: kind, payload: payload) == nil)
        for size in 0..<payload.count {
            // In a MESSAGE, all bytes after the flags belong to the body.
            let expected: Rejection? = kind == .message && size >= kind.payloadSize ? nil : .payloadLengthMismatch
            #expect(refusal(of: kind, payload: Array(payload.prefix(size))) == expected, "\(size)")
        }
    }

    /// Pairs: the intervals of a WELCOME, and the reason for its refusal; nil if it is accepted. The heartbeat interval
    /// and the lifetime are in ms, the times for trust and rekeying in s.
    static let parameters: [([UInt16], Rejection?)] = [
        ([500, 1_500, 60, 3_600], nil), ([1, 2, 1, 1], nil), ([65_534, 65_535, 65_535, 65_535], nil),
        ([0, 1_500, 60, 3_600], .invalidParameters), ([500, 0, 60, 3_600], .invalidParameters),
        ([500, 500, 60, 3_600], .invalidParameters), ([500, 499, 60, 3_600], .invalidParameters),
        ([65_535, 65_535, 60, 3_600], .invalidParameters), ([500, 1_500, 0, 3_600], .invalidParameters),
        ([500, 1_500, 60, 0], .invalidParameters), ([0, 0, 0, 0], .invalidParameters),
    ]

    @Test("a WELCOME's intervals are above zero and its lifetime above its heartbeat", arguments: parameters)
    func welcomeParameters(_ values: [UInt16], expected: Rejection?) throws {
        var field: [UInt8] = []
        for value in values { field.append(bigEndian: value) }
        let payload = Array(try Sample.of(.welcome).plaintext.dropLast(Signature.count))
        #expect(refusal(of: .welcome, payload: payload.replacing(at: 24, with: field)) == expected)
    }

    @Test("a WELCOME without a directory id is refused")
    func welcomeDirectory() throws {
        let payload = Array(try Sample.of(.welcome).plaintext.dropLast(Signature.count))
        let none = payload.replacing(at: 16, with: [UInt8](bigEndian: 0))
        #expect(refusal(of: .welcome, payload: none) == .invalidParameters)
    }

    @Test("session 0 is refused in WELCOME and GOODBYE", arguments: [Kind.welcome, .goodbye])
    func sessionZero(_ kind: Kind) throws {
        let payload = Array(try Sample.of(kind).plaintext.dropLast(Signature.count))
        #expect(refusal(of: kind, payload: payload.replacing(at: 0, with: [UInt8](bigEndian: 0))) == .invalidSessionIDs)
    }

    @Test("a REJECT has reasons 1 to 5, a GOODBYE 1 to 6")
    func reasons() {
        for code in UInt8.min...UInt8.max {
            let reject = refusal(of: .reject, payload: [code, 0, 1])
            #expect(reject == ((1...5).contains(code) ? nil : .unknownReason), "\(code)")
            let goodbye = refusal(of: .goodbye, payload: [UInt8](bigEndian: 9) + [code])
            #expect(goodbye == ((1...6).contains(code) ? nil : .unknownReason), "\(code)")
        }
    }

    @Test("the reasons have the numbers of PROTOCOL.md")
    func reasonNumbers() {
        let rejects: [Reject.Reason] = [.notAuthorized, .nameTaken, .addressTaken, .full, .busy]
        #expect(rejects.map(\.rawValue) == [1, 2, 3, 4, 5])
        let goodbyes: [Goodbye.Reason] = [.replaced, .expired, .revoked, .misbehaved, .tooOld, .stopping]
        #expect(goodbyes.map(\.rawValue) == [1, 2, 3, 4, 5, 6])
    }

    @Test("a PULSE of version 0 is refused")
    func pulseVersion() {
        #expect(refusal(of: .pulse, payload: [UInt8](repeating: 0, count: 49)) == .versionOutOfRange)
        #expect(refusal(of: .pulse, payload: Pulse(number: 0, version: 1).encoded) == nil)
    }

    @Test("a flag that a PULSE or a MESSAGE does not have is refused")
    func flags() {
        let (pulse, message) = (Pulse(number: 1, version: 1), PeerMessage(audience: nil, number: 1, body: [1]))
        for bits in UInt8.min...UInt8.max {
            let flagged = refusal(of: .pulse, payload: pulse.encoded.replacing(at: 16, with: [bits]))
            #expect(flagged == (bits < 4 ? nil : .unknownFlag), "\(bits)")
            let asking = refusal(of: .message, payload: message.encoded.replacing(at: 40, with: [bits]))
            #expect(asking == ([0, 1, 3].contains(bits) ? nil : .unknownFlag), "\(bits)")
        }
    }

    @Test("an ACK of session 0 or of number 0 is refused")
    func acknowledgments() throws {
        let payload = Array(try Sample.of(.ack).plaintext.dropLast(Signature.count))
        for (offset, expected) in [(32, .invalidSessionIDs), (40, .numberOutOfRange)] as [(Int, Rejection)] {
            #expect(refusal(of: .ack, payload: payload.replacing(at: offset, with: [UInt8](bigEndian: 0))) == expected)
        }
    }

    @Test("an audience of 32 zeros means all members")
    func audience() throws {
        let payload = [UInt8](repeating: 0, count: 41)
        #expect(try PeerMessage(decoding: payload.span) == PeerMessage(audience: nil, number: 0, body: []))
        #expect(PeerMessage(audience: nil, number: 0, body: []).encoded == payload)
    }

    @Test("the largest ordinary body fills a datagram of 1,232 bytes, and the largest body a UDP payload")
    func bodySizes() {
        #expect(PeerMessage.ordinaryBody == 1_232 - 149)
        #expect(PeerMessage.largestBody == 65_507 - 149)
    }
}

private func zeros(_ count: Int) -> String {
    String(repeating: "00", count: count)
}

extension [UInt8] {
    /// An identity as in a HELLO, followed by the bytes of this array.
    fileprivate var withIdentity: [UInt8] {
        [UInt8](repeating: 0x11, count: 32) + self
    }
}
