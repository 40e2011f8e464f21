import SecureMesh
import SelfTest
import Testing

@Suite("Datagrams: headers")
struct DatagramTests {
    @Test("a datagram whose length field is not its size is refused", arguments: Kind.allCases)
    func wrongLength(_ kind: Kind) throws {
        let bytes = try Sample.of(kind).bytes
        for length in [0, 1, Header.size, bytes.count - 1, bytes.count + 1, 0xFFFF] {
            let field = [UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)]
            #expect(refusal(ofDatagram: bytes.replacing(at: 2, with: field)) == .lengthMismatch)
        }
    }

    @Test("a datagram with a trailing byte is refused", arguments: Kind.allCases)
    func trailingByte(_ kind: Kind) throws {
        let sample = try Sample.of(kind)
        #expect(refusal(ofDatagram: sample.bytes + [0]) == .lengthMismatch)
        // The length field matches here. So a kind with a fixed size is refused because of its size, and any other kind
        // because of its seal.
        let refusal = sample.refusal(of: (sample.bytes + [0]).withLength)
        #expect(refusal == (kind.isFixedSize ? .sizeOutOfRange : .sealBroken))
    }

    @Test("a trailing byte that was sealed and signed is refused, but in a MESSAGE, whose body it is")
    func trailingPayloadByte() throws {
        for kind in Kind.allCases where kind != .retry {
            let payload = Array(try Sample.of(kind).plaintext.dropLast(Signature.count))
            #expect(
                refusal(of: kind, payload: payload + [0]) == (kind == .message ? nil : .payloadLengthMismatch),
                "\(kind)")
        }
    }

    @Test("versions other than 1 are refused", arguments: [UInt8(0), 2, 3, 0x80, 0xFF])
    func unsupportedVersion(_ version: UInt8) throws {
        for sample in try Sample.all() {
            #expect(refusal(ofDatagram: sample.bytes.replacing(at: 0, with: [version])) == .unsupportedVersion)
        }
    }

    @Test("every number that is no kind is refused")
    func unknownKind() throws {
        let bytes = try Sample.of(.hello).bytes
        for number in UInt8.min...UInt8.max where Kind(rawValue: number) == nil {
            #expect(refusal(ofDatagram: bytes.replacing(at: 1, with: [number])) == .unknownKind, "\(number)")
        }
    }

    @Test("a datagram cut at any offset is refused, whatever its length field says", arguments: Kind.allCases)
    func truncated(_ kind: Kind) throws {
        let sample = try Sample.of(kind)
        for size in 0..<sample.bytes.count {
            let cut = Array(sample.bytes.prefix(size))
            #expect(refusal(ofDatagram: cut) == (size < Header.size ? .truncatedHeader : .lengthMismatch))
            guard size >= Header.size else { continue }
            let adjusted = sample.refusal(of: cut.withLength)
            #expect(adjusted == (size < kind.minimumSize ? .sizeOutOfRange : .sealBroken), "\(size)")
        }
    }

    @Test("an empty datagram and one of a single byte are refused")
    func tiny() {
        #expect(refusal(ofDatagram: []) == .truncatedHeader)
        for byte in UInt8.min...UInt8.max { #expect(refusal(ofDatagram: [byte]) == .truncatedHeader) }
    }

    @Test(
        "SNAPSHOT and DELTA above 1,232 bytes are refused, MESSAGE is not",
        arguments: [Kind.snapshot, .delta, .message])
    func oversized(_ kind: Kind) throws {
        let bytes = try Sample.of(kind).bytes
        let large = bytes + [UInt8](repeating: 0, count: ProtocolConstants.maximumDatagram + 1 - bytes.count)
        #expect(refusal(ofDatagram: large.withLength) == (kind == .message ? nil : .sizeOutOfRange))
        #expect(refusal(ofDatagram: large.dropLast().withLength) == nil)
    }

    @Test("the largest MESSAGE fills the largest UDP payload over IPv4")
    func largestMessage() throws {
        let bytes = try Sample.of(.message).bytes
        let sizes: [(Int, Rejection?)] = [(65_507, nil), (65_508, .sizeOutOfRange), (65_535, .sizeOutOfRange)]
        for (size, expected) in sizes {
            let large = bytes + [UInt8](repeating: 0, count: size - bytes.count)
            #expect(refusal(ofDatagram: large.withLength) == expected, "\(size)")
        }
        // The length of this datagram does not fit into the length field.
        let huge = bytes + [UInt8](repeating: 0, count: 65_536 - bytes.count)
        #expect(refusal(ofDatagram: huge.withLength) == .lengthMismatch)
    }

    /// Four values per case: the kind of a datagram, its session IDs `to` and `from`, and true if the datagram is
    /// refused because of them.
    static let sessionIDs: [(Kind, UInt64, UInt64, Bool)] = [
        (.hello, 0, 0, false), (.hello, 1, 0, true), (.hello, 0, 1, true), (.hello, .max, .max, true),
        (.retry, 0, 1, false), (.retry, 1, 1, false), (.retry, 1, 0, true),
        (.welcome, 0, 1, false), (.welcome, 7, 7, false), (.welcome, 7, 0, true),
        (.reject, 0, 1, false), (.reject, 7, 7, false), (.reject, 7, 0, true),
    ]

    @Test("session ids are zero in HELLO, and the epoch of an answer is not zero", arguments: sessionIDs)
    func handshakeSessionIDs(_ kind: Kind, to: UInt64, from: UInt64, isRefused: Bool) throws {
        let bytes = try Sample.of(kind).bytes
            .replacing(at: 4, with: [UInt8](bigEndian: to)).replacing(at: 12, with: [UInt8](bigEndian: from))
        #expect(refusal(ofDatagram: bytes) == (isRefused ? .invalidSessionIDs : nil))
    }

    @Test(
        "from CONFIRM on, a session id that is zero or equal to the other is refused",
        arguments: Kind.allCases.filter { $0.rawValue >= Kind.confirm.rawValue })
    func memberSessionIDs(_ kind: Kind) throws {
        let bytes = try Sample.of(kind).bytes
        for (to, from) in [(0, 1), (1, 0), (0, 0), (5, 5), (UInt64.max, .max)] as [(UInt64, UInt64)] {
            let changed = bytes.replacing(at: 4, with: [UInt8](bigEndian: to) + [UInt8](bigEndian: from))
            #expect(refusal(ofDatagram: changed) == .invalidSessionIDs)
        }
        let changed = bytes.replacing(at: 4, with: [UInt8](bigEndian: 1) + [UInt8](bigEndian: .max))
        #expect(refusal(ofDatagram: changed) == nil)
    }

    @Test("counters are zero in kinds 01 to 04 and 06, and from 1 to 2^48 - 1 in the others", arguments: Kind.allCases)
    func counters(_ kind: Kind) throws {
        let bytes = try Sample.of(kind).bytes
        let limit: UInt64 = 1 << 48
        for counter in [0, 1, 2, limit - 1, limit, limit + 1, limit << 15, .max] {
            let isRight = [1, 2, 3, 4, 6].contains(kind.rawValue) ? counter == 0 : counter > 0 && counter < limit
            let changed = bytes.replacing(at: 20, with: [UInt8](bigEndian: counter))
            #expect(refusal(ofDatagram: changed) == (isRight ? nil : .counterOutOfRange), "\(counter)")
        }
    }

    @Test("an agreement key of p or more, or with the top bit set, is refused in HELLO, WELCOME and RESUME")
    func nonCanonicalKeys() throws {
        for (kind, offset) in [(Kind.hello, 44), (Kind.welcome, 28), (Kind.resume, 28)] {
            let bytes = try Sample.of(kind).bytes
            for (key, isCanonical) in KeysTests.encodings {
                let changed = bytes.replacing(at: offset, with: try unhex(key))
                #expect(refusal(ofDatagram: changed) == (isCanonical ? nil : .nonCanonicalAgreementKey), "\(key)")
            }
        }
    }

    @Test("the first fault in the order of the decoder names the refusal")
    func order() throws {
        var bytes = try Sample.of(.heartbeat).bytes
        var expected: [Rejection] = []
        func check(_ rejection: Rejection) {
            expected.append(rejection)
            #expect(refusal(ofDatagram: bytes) == rejection)
        }
        bytes.replaceSubrange(20..<28, with: [UInt8](repeating: 0, count: 8))
        check(.counterOutOfRange)
        bytes.replaceSubrange(4..<12, with: [UInt8](repeating: 0, count: 8))
        check(.invalidSessionIDs)
        bytes = (bytes + [0]).withLength
        check(.sizeOutOfRange)
        bytes.append(0)
        check(.lengthMismatch)
        bytes[1] = 0
        check(.unknownKind)
        bytes[0] = 0
        check(.unsupportedVersion)
        bytes = Array(bytes.prefix(27))
        check(.truncatedHeader)
        #expect(expected.count == 7)
    }
}
