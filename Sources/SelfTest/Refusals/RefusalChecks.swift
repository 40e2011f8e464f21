internal import MeshSimulator
internal import SecureMeshCore

/// Provokes each refusal of the codec.
enum MalformedCheck {
    static func run() throws -> String {
        let vectors = try Dictionary(uniqueKeysWithValues: VectorCheck.published().map { ($0.name, $0) })
        var failures: [String] = []
        for malformed in Malformed.all {
            let vector = try require(vectors[malformed.section], "no vector [\(malformed.section)]")
            let given: Rejection? =
                switch malformed.place {
                case .datagram: refusal(ofDatagram: malformed.applied(to: vector.bytes))
                case .payload: refusal(of: vector.kind, payload: malformed.applied(to: vector.payload))
                }
            guard given != malformed.expected else { continue }
            let answer = given.map { "refused as \($0)" } ?? "accepted"
            failures.append(
                "[\(malformed.section)] \(malformed.what): \(answer), and should be refused as \(malformed.expected)")
        }
        if let fault = Fault(failures) { throw fault }
        let missing = Set(codecRefusals).subtracting(Malformed.all.map(\.expected)).map(\.rawValue).sorted()
        try require(missing.isEmpty, "no datagram is refused as \(missing.joined(separator: ", "))")
        return "\(codecRefusals.count) refusals by name, \(Malformed.all.count) malformed datagrams"
    }

    /// The refusals of the codec. `Rejection` declares them before all other refusals.
    private static let codecRefusals = Rejection.allCases.prefix { $0 != .sourceNotAllowed }
}

/// Hands invalid datagrams of each length from 0 to `longest` bytes to the decoder, a server and a member.
enum LengthCheck {
    static func run(seed: UInt64) throws -> String {
        var random = RandomSource.seeded(seed)
        let mesh = TestMesh(seed: 1)
        let members = try mesh.join(2)
        /// Hands `bytes` to the server as if the first member had sent them, and to the second member as if the server
        /// had sent them.
        func hand(_ bytes: [UInt8]) {
            mesh.inject(bytes, from: members[0].address, isBroken: true)
            mesh.inject(bytes, from: TestMesh.server, to: members[1].address, isBroken: true)
            mesh.run(for: .zero)
        }
        var count: UInt64 = 0
        for length in 0...Self.longest {
            for fill in [UInt8(0), 1, 0xFF] {
                let bytes = [UInt8](repeating: fill, count: length)
                let given = refusal(ofDatagram: bytes)
                let answer = given?.rawValue ?? "accepted"
                try require(given == Self.expected(fill, length), "\(length) times byte \(fill): \(answer)")
                hand(bytes)
                count += 1
            }
            let bytes = random.bytes(length)
            try require(refusal(ofDatagram: bytes) != nil, "\(bytes.excerpt) is accepted")
            hand(bytes)
            count += 1
        }
        if let failure = mesh.failure { throw Fault(failure) }
        let refused = (mesh.server.machine.rejections.total, members[1].machine.rejections.total)
        try require(refused == (count, count), "of \(count) datagrams \(refused) were refused")
        return "0 to \(Self.longest) bytes, \(count) datagrams each to decoder, server and member"
    }

    private static func expected(_ fill: UInt8, _ length: Int) -> Rejection {
        if length < Header.size { return .truncatedHeader }
        guard fill == 1 else { return .unsupportedVersion }
        // If all bytes are 1, the header says that the datagram is a HELLO of 0x0101 = 257 bytes.
        return length == 0x0101 ? .sizeOutOfRange : .lengthMismatch
    }

    private static let longest = 1_400
}

/// Flips each bit of each datagram of the vectors, one bit at a time. The decoder, the seal or the signature must
/// refuse the datagram, unless the bit is in an unsigned field of a RETRY.
enum BitCheck {
    static func run() throws -> String {
        var failures: [String] = []
        var count = 0
        let vectors = try VectorCheck.published()
        for vector in vectors {
            try require(vector.refusal(of: vector.bytes) == nil, "[\(vector.name)] is refused unchanged")
            for bit in 0..<(vector.bytes.count * 8) {
                let isAccepted = vector.refusal(of: vector.bytes.flipping(bit: bit)) == nil
                count += 1
                if isAccepted != vector.mayDiffer(at: bit / 8) { failures.append("[\(vector.name)] bit \(bit)") }
            }
        }
        if let fault = Fault(failures) { throw fault }
        return "\(vectors.count) datagrams, \(count) single bits flipped"
    }
}
