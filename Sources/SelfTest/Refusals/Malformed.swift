internal import SecureMeshCore

/// A datagram or a payload of the test vectors with one error added, and the refusal that the error must cause.
struct Malformed {
    enum Edit {
        case put(Int, [UInt8])
        /// Keeps only the given number of bytes at the beginning.
        case cut(Int)
        case add(Int)
        /// Sets the length field of the header to the size of the datagram.
        case fit
    }

    enum Place {
        /// The whole datagram.
        case datagram
        /// The payload before it is signed and sealed. A member could sign and seal a malformed payload.
        case payload
    }

    let what: String
    let place: Place
    let section: String
    let edits: [Edit]
    let expected: Rejection

    private init(_ what: String, _ place: Place, of section: String, _ edits: [Edit], _ expected: Rejection) {
        self.what = what
        self.place = place
        self.section = section
        self.edits = edits
        self.expected = expected
    }

    func applied(to bytes: [UInt8]) -> [UInt8] {
        edits.reduce(bytes) { bytes, edit in
            switch edit {
            case .put(let offset, let replacement): bytes.replacing(at: offset, with: replacement)
            case .cut(let count): Array(bytes.prefix(count))
            case .add(let count): bytes + [UInt8](repeating: 0, count: count)
            case .fit: bytes.withLength
            }
        }
    }

    static let all = headers + sizes + handshakes + directories + messages + lengths

    private static let zeros = [UInt8](repeating: 0, count: 8)
    private static let ones = [UInt8](repeating: 0xFF, count: 8)

    /// Errors in the header and in the fields that are sent unencrypted (PROTOCOL.md, section 4.1).
    private static let headers: [Malformed] = [
        Malformed("version 0", .datagram, of: "hello", [.put(0, [0])], .unsupportedVersion),
        Malformed("version 2", .datagram, of: "message", [.put(0, [2])], .unsupportedVersion),
        Malformed("kind 0x00", .datagram, of: "hello", [.put(1, [0])], .unknownKind),
        Malformed("kind 0x07", .datagram, of: "confirm", [.put(1, [0x07])], .unknownKind),
        Malformed("kind 0x32", .datagram, of: "message", [.put(1, [0x32])], .unknownKind),
        Malformed("a length of 0", .datagram, of: "pulse", [.put(2, [0, 0])], .lengthMismatch),
        Malformed("a length of 65,535", .datagram, of: "message", [.put(2, [0xFF, 0xFF])], .lengthMismatch),
        Malformed("a HELLO with a receiver", .datagram, of: "hello", [.put(4, [1])], .invalidSessionIDs),
        Malformed("a HELLO from a session", .datagram, of: "hello", [.put(12, [1])], .invalidSessionIDs),
        Malformed("a WELCOME of epoch 0", .datagram, of: "welcome", [.put(12, zeros)], .invalidSessionIDs),
        Malformed("a RESUME of epoch 0", .datagram, of: "resume", [.put(12, zeros)], .invalidSessionIDs),
        Malformed("a RESUME with a counter", .datagram, of: "resume", [.put(27, [1])], .counterOutOfRange),
        Malformed("a HEARTBEAT to 0", .datagram, of: "heartbeat", [.put(4, zeros)], .invalidSessionIDs),
        Malformed("a MESSAGE from 0", .datagram, of: "message", [.put(12, zeros)], .invalidSessionIDs),
        Malformed("a LEAVE to its sender", .datagram, of: "leave", [.put(4, ones + ones)], .invalidSessionIDs),
        Malformed("a counter in a HELLO", .datagram, of: "hello", [.put(27, [1])], .counterOutOfRange),
        Malformed("counter 0", .datagram, of: "heartbeat", [.put(20, zeros)], .counterOutOfRange),
        Malformed("counter 2^48", .datagram, of: "pulse", [.put(20, [0, 1] + zeros.prefix(6))], .counterOutOfRange),
        Malformed("E_p = p", .datagram, of: "hello", [.put(44, prime)], .nonCanonicalAgreementKey),
        Malformed("E_s with its top bit", .datagram, of: "welcome", [.put(59, [0x80])], .nonCanonicalAgreementKey),
        Malformed("E_s = p in RESUME", .datagram, of: "resume", [.put(28, prime)], .nonCanonicalAgreementKey),
    ]

    private static let sizes: [Malformed] = [
        Malformed("nothing", .datagram, of: "hello", [.cut(0)], .truncatedHeader),
        Malformed("one byte", .datagram, of: "hello", [.cut(1)], .truncatedHeader),
        Malformed("a header cut short", .datagram, of: "hello", [.cut(27)], .truncatedHeader),
        Malformed("a datagram cut short", .datagram, of: "hello", [.cut(255)], .lengthMismatch),
        Malformed("a trailing byte", .datagram, of: "heartbeat", [.add(1)], .lengthMismatch),
        Malformed("a header alone", .datagram, of: "message", [.cut(28), .fit], .sizeOutOfRange),
        Malformed("a HELLO of 255 bytes", .datagram, of: "hello", [.cut(255), .fit], .sizeOutOfRange),
        Malformed("a HELLO of 257 bytes", .datagram, of: "hello", [.add(1), .fit], .sizeOutOfRange),
        Malformed("a SNAPSHOT above 1,232 bytes", .datagram, of: "snapshot", [.add(1_000), .fit], .sizeOutOfRange),
        Malformed("a MESSAGE of 65,508 bytes", .datagram, of: "message", [.add(65_354), .fit], .sizeOutOfRange),
    ]

    private static let handshakes: [Malformed] = [
        Malformed("a name of 0 bytes", .payload, of: "hello", [.put(32, [0])], .invalidName),
        Malformed("a name of 33 bytes", .payload, of: "hello", [.put(32, [33])], .invalidName),
        Malformed("a name with NUL", .payload, of: "hello", [.put(32, [1, 0])], .invalidName),
        Malformed("a name with a space", .payload, of: "hello", [.put(32, [1, 0x20])], .invalidName),
        Malformed("a byte behind the name", .payload, of: "hello", [.put(64, [1])], .nonZeroPadding),
        Malformed("a byte in the padding", .payload, of: "hello", [.put(99, [1])], .nonZeroPadding),
        Malformed("session 0", .payload, of: "welcome", [.put(0, zeros)], .invalidSessionIDs),
        Malformed("directory id 0", .payload, of: "welcome", [.put(16, zeros)], .invalidParameters),
        Malformed("a heartbeat of 0 ms", .payload, of: "welcome", [.put(24, [0, 0])], .invalidParameters),
        Malformed("a lifetime of 0 ms", .payload, of: "welcome", [.put(26, [0, 0])], .invalidParameters),
        Malformed("start 0", .payload, of: "resume", [.put(0, zeros)], .invalidParameters),
        Malformed("RESUME's directory id 0", .payload, of: "resume", [.put(16, zeros)], .invalidParameters),
        Malformed("a RESUME with a trust of 0 s", .payload, of: "resume", [.put(28, [0, 0])], .invalidParameters),
        Malformed("address family 5", .payload, of: "welcome", [.put(32, [5])], .invalidAddress),
        Malformed("an IPv4 address with a tail", .payload, of: "welcome", [.put(37, [1])], .invalidAddress),
        Malformed("an IPv4-mapped address", .payload, of: "welcome", [.put(32, mapped)], .invalidAddress),
        Malformed("port 0", .payload, of: "welcome", [.put(49, [0, 0])], .invalidAddress),
        Malformed("REJECT's reason 0", .payload, of: "reject", [.put(0, [0])], .unknownReason),
        Malformed("REJECT's reason 6", .payload, of: "reject", [.put(0, [6])], .unknownReason),
    ]

    private static let directories: [Malformed] = [
        Malformed("a PULSE of version 0", .payload, of: "pulse", [.put(8, zeros)], .versionOutOfRange),
        Malformed("a PULSE's flag 4", .payload, of: "pulse", [.put(16, [5])], .unknownFlag),
        Malformed("a SNAPSHOT of version 0", .payload, of: "snapshot", [.put(0, zeros)], .versionOutOfRange),
        Malformed("a part beyond the parts", .payload, of: "snapshot", [.put(8, [0xFF, 0xFF])], .partOutOfRange),
        Malformed("no parts", .payload, of: "snapshot", [.put(10, [0, 0])], .partOutOfRange),
        Malformed("entries in descending order", .payload, of: "snapshot", [.put(13, ones)], .entriesOutOfOrder),
        Malformed("more entries than there are", .payload, of: "snapshot", [.put(12, [3])], .payloadLengthMismatch),
        Malformed("fewer entries than there are", .payload, of: "snapshot", [.put(12, [1])], .payloadLengthMismatch),
        Malformed("a DELTA from version 0", .payload, of: "delta", [.put(0, zeros)], .versionOutOfRange),
        Malformed("a DELTA to version 0", .payload, of: "delta", [.put(8, zeros)], .versionOutOfRange),
        Malformed("a DELTA of nothing", .payload, of: "delta", [.cut(18), .put(16, [0, 0])], .emptyDelta),
        Malformed("session 0 removed", .payload, of: "delta", [.put(18, zeros)], .invalidSessionIDs),
        Malformed("a removal's reason 7", .payload, of: "delta", [.put(26, [7])], .unknownReason),
        Malformed("GOODBYE's reason 0", .payload, of: "goodbye", [.put(8, [0])], .unknownReason),
        Malformed("GOODBYE's reason 7", .payload, of: "goodbye", [.put(8, [7])], .unknownReason),
    ]

    private static let messages: [Malformed] = [
        Malformed("a MESSAGE's flag 2 without 1", .payload, of: "message", [.put(40, [2])], .unknownFlag),
        Malformed("a MESSAGE's flag 4", .payload, of: "message", [.put(40, [5])], .unknownFlag),
        Malformed("an ACK of session 0", .payload, of: "ack", [.put(32, zeros)], .invalidSessionIDs),
        Malformed("an ACK of number 0", .payload, of: "ack", [.put(40, zeros)], .numberOutOfRange),
    ]

    /// Payloads that are too short, or one byte too long.
    private static let lengths: [Malformed] =
        [
            ("hello", 100), ("welcome", 51), ("reject", 3), ("confirm", 26), ("resume", 32), ("heartbeat", 26),
            ("leave", 8), ("pulse", 49), ("goodbye", 9), ("ack", 48),
        ].flatMap { section, size in
            [
                Malformed("a byte too little", .payload, of: section, [.cut(size - 1)], .payloadLengthMismatch),
                Malformed("a byte too much", .payload, of: section, [.add(1)], .payloadLengthMismatch),
            ]
        } + [
            Malformed("a byte too much", .payload, of: "snapshot", [.add(1)], .payloadLengthMismatch),
            Malformed("a byte too much", .payload, of: "delta", [.add(1)], .payloadLengthMismatch),
            Malformed("a MESSAGE without its number", .payload, of: "message", [.cut(39)], .payloadLengthMismatch),
            Malformed("a MESSAGE without its flags", .payload, of: "message", [.cut(40)], .payloadLengthMismatch),
        ]

    /// The prime 2^255 - 19 in 32 bytes, little-endian.
    private static let prime: [UInt8] = [0xED] + [UInt8](repeating: 0xFF, count: 30) + [0x7F]
    /// The byte of the address family, followed by the IPv4-mapped address ::ffff:192.0.2.1.
    private static let mapped: [UInt8] = [6] + [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 192, 0, 2, 1]
}
