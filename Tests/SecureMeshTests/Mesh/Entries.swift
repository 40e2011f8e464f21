import SecureMesh
import Testing

extension Entry {
    /// Makes an entry without a valid binding, for directories, which do not verify bindings.
    static func sample(
        _ session: UInt64, identity: UInt8? = nil, name: String? = nil, port: UInt16? = nil
    ) throws -> Entry {
        let fill = { (byte: UInt8) in Bytes32([UInt8](repeating: byte, count: 32).span) }
        let byte = identity ?? UInt8(truncatingIfNeeded: session)
        let zeros = [UInt8](repeating: 0, count: 64)
        return Entry(
            session: try #require(SessionID(rawValue: session)), identity: PublicKey(bytes: fill(byte)),
            agreementKey: AgreementPublicKey(bytes: fill(9)), binding: Signature(zeros.span),
            address: SocketAddress(ip: .v4(0x0A00_0001), port: port ?? UInt16(truncatingIfNeeded: session)),
            name: try PeerName(name ?? "n\(session)"))
    }
}

func sessions(_ values: UInt64...) throws -> [SessionID] { try values.map { try #require(SessionID(rawValue: $0)) } }

func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }
