import SecureMesh

/// The keys, names and addresses that tests use. None of the keys is secret.
enum Fixture {
    static let serverKey = key(1)
    static let peerKey = key(2)
    static let otherKey = key(3)
    static let context = SigningContext(mesh: serverKey.publicKey)
    static let epoch: UInt64 = 0xE0E0_E0E0_E0E0_E0E0
    static let peerSession: UInt64 = 0xA0A0_A0A0_A0A0_A0A0

    /// Returns the key whose seed consists of 32 bytes with the value `byte`.
    static func key(_ byte: UInt8) -> SigningKey {
        SigningKey(seed: [UInt8](repeating: byte, count: 32).span)
    }

    static func secret(_ byte: UInt8) -> Secret32 {
        Secret32(digest(byte))
    }

    static func digest(_ byte: UInt8) -> Bytes32 {
        Bytes32([UInt8](repeating: byte, count: 32).span)
    }

    /// Returns the address 192.0.2.`last`. Its network is reserved for documentation (RFC 5737).
    static func address(_ last: UInt8, port: UInt16 = 3_000) -> SocketAddress {
        SocketAddress(ip: .v4(0xC000_0200 | UInt32(last)), port: port)
    }

    static let path = Path(remote: address(1))

    /// Returns an address in 2001:db8::/32. This network is reserved for documentation (RFC 3849).
    static func address6(_ high: UInt32, _ low: UInt64, port: UInt16 = 3_000) -> SocketAddress {
        SocketAddress(ip: .v6(0x2001_0DB8_0000_0000 | UInt64(high), low), port: port)
    }

    static func name(_ text: String) throws -> PeerName {
        guard let name = try? PeerName(text) else { throw FixtureError(text: text) }
        return name
    }

    static func session(_ rawValue: UInt64) throws -> SessionID {
        guard let session = SessionID(rawValue: rawValue) else { throw FixtureError(text: "session 0") }
        return session
    }
}

struct FixtureError: Error {
    let text: String
}

extension Entry {
    /// Returns an entry without a valid signature, for tests that do not check bindings.
    static func sample(
        _ session: UInt64, identity: UInt8? = nil, name: String? = nil, port: UInt16? = nil
    ) throws -> Entry {
        let byte = identity ?? UInt8(truncatingIfNeeded: session)
        let zeros = [UInt8](repeating: 0, count: 64)
        return Entry(
            session: try Fixture.session(session), identity: PublicKey(bytes: Fixture.digest(byte)),
            agreementKey: AgreementPublicKey(bytes: Fixture.digest(9)), binding: Signature(zeros.span),
            address: SocketAddress(ip: .v4(0x0A00_0001), port: port ?? UInt16(truncatingIfNeeded: session)),
            name: try Fixture.name(name ?? "n\(session)"))
    }
}

func sessions(_ values: UInt64...) throws -> [SessionID] { try values.map { try Fixture.session($0) } }

func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

extension Instant {
    static let start = Instant(nanoseconds: 1_000_000_000_000)

    static func after(_ duration: Duration) -> Instant {
        start + duration
    }
}

extension DirectoryReplica {
    /// Begins a session with a server whose key is always the same.
    @discardableResult
    mutating func begin(_ id: UInt64, epoch: UInt64, now: Instant = .start) -> DirectoryChange {
        begin(id, epoch: epoch, server: PublicKey.server, now: now)
    }
}

extension PublicKey {
    fileprivate static let server = SigningKey().publicKey
}
