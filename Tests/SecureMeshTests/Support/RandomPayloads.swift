import MeshSimulator
import SecureMesh
import SelfTest

/// The seeds of tests with random inputs. When such a test fails, the message names the seed. To repeat the failure,
/// leave only that seed in the list.
enum Seeds {
    static let few: [UInt64] = [1, 2, 3, 5, 8, 13]
}

/// A generator of random payloads that are well-formed. Its seed determines them.
struct RandomPayloads {
    var random: RandomSource

    init(seed: UInt64) {
        random = .seeded(seed)
    }

    mutating func below(_ limit: UInt64) -> UInt64 {
        random.next() % limit
    }

    /// Returns a random number. In half of all calls, it is a power of two, 0 or the largest number.
    mutating func number() -> UInt64 {
        switch below(8) {
        case 0: 0
        case 1: 1
        case 2: .max
        case 3: 1 << below(64)
        default: random.next()
        }
    }

    mutating func short() -> UInt16 {
        UInt16(truncatingIfNeeded: number())
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    mutating func session() throws -> SessionID {
        try Fixture.session(max(number(), 1))
    }

    mutating func name() throws -> PeerName {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
        let length = 1 + below(32)
        return try Fixture.name(String((0..<length).map { _ in alphabet[Int(below(UInt64(alphabet.count)))] }))
    }

    /// Returns a random address that a directory may list.
    mutating func address() -> SocketAddress {
        while true {
            let ip: SocketAddress.IP =
                below(2) == 0 ? .v4(UInt32(truncatingIfNeeded: random.next())) : .v6(random.next(), random.next())
            let address = SocketAddress(ip: ip, port: max(short(), 1))
            if address.isUsable { return address }
        }
    }

    mutating func agreementKey() -> AgreementPublicKey {
        var key = random.bytes32().array
        key[31] &= 0x3F
        return AgreementPublicKey(bytes: Bytes32(key.span))
    }

    mutating func entry(_ session: SessionID) throws -> Entry {
        Entry(
            session: session, identity: PublicKey(bytes: random.bytes32()), agreementKey: agreementKey(),
            binding: Signature(bytes(64).span), address: address(), name: try name())
    }

    mutating func sessions(atMost limit: UInt64) throws -> [SessionID] {
        var drawn: Set<SessionID> = []
        for _ in 0..<below(limit + 1) { drawn.insert(try session()) }
        return drawn.sorted()
    }

    mutating func entries(atMost limit: UInt64) throws -> [Entry] {
        try sessions(atMost: limit).map { try entry($0) }
    }

    mutating func hello() throws -> Hello {
        Hello(identity: PublicKey(bytes: random.bytes32()), name: try name())
    }

    mutating func welcome() throws -> Welcome {
        Welcome(
            session: try session(), token: number(), directory: max(number(), 1), parameters: parameters(),
            address: address())
    }

    mutating func resume() -> Resume {
        Resume(start: max(number(), 1), token: number(), directory: max(number(), 1), parameters: parameters())
    }

    mutating func parameters() -> SessionParameters {
        var parameters = SessionParameters(heartbeat: .zero, lifetime: .zero, trust: .zero, rekey: .zero)
        let heartbeat = UInt16(1 + below(0xFFFE))
        parameters.heartbeatMilliseconds = heartbeat
        parameters.lifetimeMilliseconds = heartbeat + UInt16(1 + below(UInt64(UInt16.max - heartbeat)))
        parameters.trustSeconds = max(short(), 1)
        parameters.rekeySeconds = max(short(), 1)
        return parameters
    }

    mutating func reject() -> Reject {
        Reject(reason: Reject.Reason.allCases[Int(below(5))], retrySeconds: short())
    }

    mutating func heartbeat() -> Heartbeat {
        Heartbeat(number: number(), token: number(), version: number(), part: short())
    }

    mutating func pulse() -> Pulse {
        Pulse(
            number: number(), version: max(number(), 1), flags: Pulse.Flags(rawValue: UInt8(below(4))),
            digest: random.bytes32())
    }

    mutating func snapshot() throws -> Snapshot {
        let entries = try entries(atMost: 5)
        let parts = entries.isEmpty ? 1 : max(short(), 1)
        return Snapshot(
            version: max(number(), 1), part: UInt16(below(UInt64(parts))), parts: parts, entries: entries)
    }

    mutating func delta() throws -> Delta {
        let added = try entries(atMost: 4)
        let sessions = added.isEmpty ? [try session()] : try sessions(atMost: 9)
        let removed = sessions.map { Removal($0, Goodbye.Reason(rawValue: UInt8(below(7)))) }
        let from = 1 + below(.max - 1)
        return Delta(from: from, to: max(number(), from + 1), removed: removed, added: added)
    }

    mutating func goodbye() throws -> Goodbye {
        Goodbye(session: try session(), reason: Goodbye.Reason.allCases[Int(below(6))])
    }

    mutating func message() -> PeerMessage {
        let audience = below(2) == 0 ? nil : PublicKey(bytes: random.bytes32())
        let length = Int(below(UInt64(PeerMessage.ordinaryBody) + 1))
        let flags: PeerMessage.Flags = below(2) == 0 ? [] : .acknowledge
        return PeerMessage(audience: audience, number: number(), flags: flags, body: bytes(length))
    }

    mutating func acknowledgment() throws -> Acknowledgment {
        Acknowledgment(
            audience: PublicKey(bytes: random.bytes32()), session: try session(), number: max(number(), 1))
    }

    /// Returns the encoding of a random payload of the given kind.
    mutating func encoded(_ kind: Kind) throws -> [UInt8] {
        switch kind {
        case .hello: try hello().encoded
        case .retry: []
        case .welcome: try welcome().encoded
        case .reject: reject().encoded
        case .confirm, .heartbeat: heartbeat().encoded
        case .resume: resume().encoded
        case .leave: Leave(number: number()).encoded
        case .pulse: pulse().encoded
        case .snapshot: try snapshot().encoded
        case .delta: try delta().encoded
        case .goodbye: try goodbye().encoded
        case .message: message().encoded
        case .ack: try acknowledgment().encoded
        }
    }
}
