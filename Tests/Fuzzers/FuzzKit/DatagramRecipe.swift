import MeshSimulator
import SecureMeshCore

/// A datagram of any kind with a valid payload and, for some inputs, a changed copy of that datagram. The payload is
/// not encrypted. For some inputs, the session ids or the counter in the header are invalid.
///
/// The bytes of an input are choices. So every input makes a valid payload and a right length field. A payload of
/// random bytes would rarely contain several valid entries.
struct DatagramRecipe {
    let kind: Kind
    let payload: [UInt8]
    /// The unchanged datagram.
    let datagram: [UInt8]
    /// The changed copy of `datagram`; nil if the input chooses no change.
    let changed: [UInt8]?

    init(_ input: inout FuzzInput) {
        kind = input.element(of: Kind.allCases)
        let isChanged = input.flag()
        payload = Self.payload(kind, &input)
        let isHello = kind == .hello
        let to = isHello ? 0 : input.number(near: 1)
        let from = isHello ? 0 : input.number(near: 9)
        let counter = kind.isHandshake ? 0 : input.number(near: 1)
        let header = Header(Self.fields(kind, &input), to: to, from: from, counter: counter)
        let overhead = Signature.count + (kind.isSealed ? Kind.tagSize : 0)
        var bytes = header.encode(size: kind.sealedOffset + payload.count + overhead)
        bytes.append(contentsOf: payload)
        bytes.append(zeros: overhead)
        datagram = bytes
        if isChanged {
            Tampering(&input).apply(to: &bytes)
            changed = bytes
        } else {
            changed = nil
        }
    }

    private static func payload(_ kind: Kind, _ input: inout FuzzInput) -> [UInt8] {
        switch kind {
        case .hello: Hello(identity: PublicKey(bytes: bytes32(&input)), name: name(&input)).encoded
        case .retry: []
        case .welcome: welcome(&input).encoded
        case .reject:
            Reject(reason: input.element(of: Reject.Reason.allCases), retrySeconds: input.uint16()).encoded
        case .confirm, .heartbeat:
            Heartbeat(
                number: input.number(near: 1), token: input.number(near: 2), version: input.number(near: 3),
                part: input.uint16()
            ).encoded
        case .resume:
            Resume(
                start: max(input.number(near: 1), 1), token: input.number(near: 2),
                directory: max(input.number(near: 1), 1), parameters: parameters(&input)
            ).encoded
        case .leave: Leave(number: input.number(near: 1)).encoded
        case .pulse:
            Pulse(
                number: input.number(near: 1), version: max(input.number(near: 3), 1),
                flags: Pulse.Flags(rawValue: input.byte() % 4), digest: bytes32(&input)
            ).encoded
        case .snapshot: snapshot(&input).encoded
        case .delta: delta(&input).encoded
        case .goodbye:
            Goodbye(session: session(&input), reason: input.element(of: Goodbye.Reason.allCases)).encoded
        case .message:
            PeerMessage(
                audience: input.flag() ? PublicKey(bytes: bytes32(&input)) : nil, number: input.number(near: 1),
                flags: input.element(of: [[], .acknowledge, [.acknowledge, .probe]]),
                body: input.take(input.below(200))
            ).encoded
        case .ack:
            Acknowledgment(
                audience: PublicKey(bytes: bytes32(&input)), session: session(&input),
                number: max(input.number(near: 1), 1)
            ).encoded
        }
    }

    private static func welcome(_ input: inout FuzzInput) -> Welcome {
        Welcome(
            session: session(&input), token: input.number(near: 1), directory: max(input.number(near: 1), 1),
            parameters: parameters(&input), address: address(&input))
    }

    private static func parameters(_ input: inout FuzzInput) -> SessionParameters {
        var parameters = SessionParameters(heartbeat: .zero, lifetime: .zero, trust: .zero, rekey: .zero)
        parameters.heartbeatMilliseconds = min(max(input.uint16(), 1), .max - 1)
        parameters.lifetimeMilliseconds = max(input.uint16(), parameters.heartbeatMilliseconds + 1)
        parameters.trustSeconds = max(input.uint16(), 1)
        parameters.rekeySeconds = max(input.uint16(), 1)
        return parameters
    }

    private static func snapshot(_ input: inout FuzzInput) -> Snapshot {
        let entries = entries(&input, atMost: 5)
        let parts = entries.isEmpty ? 1 : max(input.uint16(), 1)
        return Snapshot(
            version: max(input.number(near: 1), 1), part: input.uint16() % parts, parts: parts, entries: entries)
    }

    private static func delta(_ input: inout FuzzInput) -> Delta {
        let added = entries(&input, atMost: 5)
        let fewest = added.isEmpty ? 1 : 0
        var last: UInt64 = 0
        let removed = (0..<max(input.below(8), fewest)).compactMap { _ -> Removal? in
            last += 1 + UInt64(input.byte())
            let reason = Goodbye.Reason(rawValue: UInt8(input.below(7)))
            return SessionID(rawValue: last).map { Removal($0, reason) }
        }
        let from = min(max(input.number(near: 1), 1), .max - 1)
        return Delta(from: from, to: max(input.number(near: 2), from + 1), removed: removed, added: added)
    }

    private static func entries(_ input: inout FuzzInput, atMost limit: Int) -> [Entry] {
        var last: UInt64 = 0
        return (0..<input.below(limit + 1)).compactMap { _ in
            last += 1 + UInt64(input.byte())
            guard let session = SessionID(rawValue: last) else { return nil }
            return Entry(
                session: session, identity: PublicKey(bytes: bytes32(&input)), agreementKey: agreementKey(&input),
                binding: Signature((bytes32(&input).array + bytes32(&input).array).span), address: address(&input),
                name: name(&input))
        }
    }

    private static func fields(_ kind: Kind, _ input: inout FuzzInput) -> OpenFields {
        OpenFields(
            kind, cookie: cookie(&input), ephemeral: agreementKey(&input), rotation: input.number(near: 1),
            salt: bytes32(&input), echo: input.number(near: 1), token: input.number(near: 2))
    }

    private static func cookie(_ input: inout FuzzInput) -> Bytes16 {
        Bytes16((input.take(4) + [UInt8](repeating: 0, count: 16)).span)
    }

    private static func session(_ input: inout FuzzInput) -> SessionID {
        SessionID(rawValue: input.number(near: 1)) ?? Pool.session
    }

    /// Returns 32 equal bytes. The possible values include the smallest and the largest 32-byte value.
    private static func bytes32(_ input: inout FuzzInput) -> Bytes32 {
        repeated[Int(input.byte())]
    }

    /// Returns a canonical key. For some inputs, the key is close to the largest canonical key.
    private static func agreementKey(_ input: inout FuzzInput) -> AgreementPublicKey {
        let first = Int(input.byte())
        return input.flag() ? greatKeys[first] : evenKeys[first]
    }

    private static func address(_ input: inout FuzzInput) -> SocketAddress {
        let number = input.number(near: 0xC000_0201)
        let ip: SocketAddress.IP =
            input.flag() ? .v6(input.number(near: 0x2001 << 48), number) : .v4(UInt32(truncatingIfNeeded: number))
        let address = SocketAddress(ip: ip, port: max(input.uint16(), 1))
        return address.isUsable ? address : Pool.serverAddress
    }

    private static func name(_ input: inout FuzzInput) -> PeerName {
        let count = 1 + input.below(PeerName.maximumLength)
        return names[count - 1][input.below(letters.count)]
    }

    // The values below are created once and not for every input. An input only chooses among them.

    private static let repeated = (UInt8.min...UInt8.max).map { byte in
        Bytes32([UInt8](repeating: byte, count: Bytes32.count).span)
    }
    private static let evenKeys = (UInt8.min...UInt8.max).map { agreementKey($0, rest: $0) }
    private static let greatKeys = (UInt8.min...UInt8.max).map { agreementKey($0, rest: 0xFF) }

    private static func agreementKey(_ first: UInt8, rest: UInt8) -> AgreementPublicKey {
        let bytes = [min(first, 0xEC)] + [UInt8](repeating: rest, count: 30) + [rest & 0x7F]
        return AgreementPublicKey(bytes: Bytes32(bytes.span))
    }

    private static let letters: [Character] = ["a", "Z", "0", "9", ".", "_", "-"]
    /// The names, indexed by length and letter.
    private static let names = (1...PeerName.maximumLength).map { count in
        letters.map { (try? PeerName(String(repeating: $0, count: count))) ?? Pool.names[0] }
    }
}
