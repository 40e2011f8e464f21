internal import SecureMeshCore

extension Benchmark {
    /// Measures decoding and encoding, without cryptography.
    mutating func measureCodec() {
        for kind in Kind.allCases {
            let datagram = Self.datagram(kind)
            measure("decode \(kind)", limit: 0) { Self.use(try? Datagram(decoding: datagram.span)) }
        }
        let heartbeat = Heartbeat(number: 7, token: 8, version: 9, part: 0)
        let payload = heartbeat.encoded
        measure("decode a heartbeat's payload", limit: 0) { Self.use(try? Heartbeat(decoding: payload.span)) }
        let delta = Delta(from: 1, to: 2, removed: [], added: Samples.entries(6))
        let deltaPayload = delta.encoded
        // The allocations are an array of entries, and a buffer for each name of more than 15 bytes.
        measure("decode a DELTA of 6", limit: 14) { Self.use(try? Delta(decoding: deltaPayload.span)) }
        measure("encode a header", limit: 1) {
            Self.use(Header(.pulse(echo: 1, token: 2), to: 3, from: 4, counter: 5).encode(size: 173))
        }
        measure("encode a heartbeat's payload", limit: 1) { Self.use(heartbeat.encoded) }
        var window = ReplayWindow()
        var counter: UInt64 = 0
        measure("replay window", limit: 0) {
            counter += 1
            if window.refusal(of: counter) == nil { window.accept(counter) }
        }
        for (name, bytes) in Samples.malformed(Self.datagram(.heartbeat)) {
            measure("refuse: \(name)", limit: 0) { Self.use(try? Datagram(decoding: bytes.span)) }
        }
    }

    /// Makes a datagram of a kind: a valid header, followed by zeros.
    private static func datagram(_ kind: Kind) -> [UInt8] {
        let fields: OpenFields =
            switch kind {
            case .hello: .hello(cookie: .zero, ephemeral: AgreementPublicKey(bytes: .zero))
            case .retry: .retry(cookie: .zero, rotation: 1)
            case .welcome: .welcome(ephemeral: AgreementPublicKey(bytes: .zero))
            case .reject: .reject(salt: .zero)
            case .confirm: .confirm
            case .resume: .resume(ephemeral: AgreementPublicKey(bytes: .zero))
            case .heartbeat: .heartbeat
            case .leave: .leave
            case .pulse: .pulse(echo: 1, token: 2)
            case .snapshot: .snapshot
            case .delta: .delta
            case .goodbye: .goodbye
            case .message: .message
            case .ack: .ack
            }
        let to: UInt64 = kind == .hello ? 0 : 3
        let from: UInt64 = kind == .hello ? 0 : 4
        let header = Header(fields, to: to, from: from, counter: kind.isHandshake ? 0 : 5)
        var bytes = header.encode(size: kind.minimumSize)
        bytes.append(zeros: kind.minimumSize - bytes.count)
        return bytes
    }
}

/// Input for the measurements.
enum Samples {
    static func entries(_ count: Int) -> [Entry] {
        (0..<count).compactMap { index in
            guard let session = SessionID(rawValue: UInt64(index + 1) << 54),
                let name = try? PeerName("member-\(index)-of-the-mesh")
            else { return nil }
            var bytes = [UInt8](repeating: 3, count: Bytes32.count)
            bytes[0] = UInt8(truncatingIfNeeded: index)
            bytes[1] = UInt8(truncatingIfNeeded: index >> 8)
            return Entry(
                session: session, identity: PublicKey(bytes: Bytes32(bytes.span)),
                agreementKey: AgreementPublicKey(bytes: Bytes32(bytes.span)),
                binding: Signature(r: .zero, s: .zero),
                address: SocketAddress(ip: .v4(0x0A00_0001 + UInt32(index)), port: 4_000), name: name)
        }
    }

    /// Makes copies of a heartbeat. Each copy has one fault in its header.
    static func malformed(_ datagram: [UInt8]) -> [(name: String, bytes: [UInt8])] {
        func changed(_ index: Int, _ value: UInt8) -> [UInt8] {
            var bytes = datagram
            bytes[index] = value
            return bytes
        }
        var counter = datagram
        for index in 20..<28 { counter[index] = 0 }
        return [
            ("truncated header", Array(datagram.prefix(27))), ("version", changed(0, 9)), ("kind", changed(1, 0xEE)),
            ("length", changed(3, 1)), ("session ids", changed(11, 4)), ("counter", counter),
        ]
    }
}
