package import SecureMeshCore

/// A datagram on its way through the simulated network, and what the world alone knows of it.
package struct Flight: Sendable {
    package enum Sender: Hashable, Sendable {
        case server
        case peer(Int)
        case attacker(Int)
    }

    /// The same for all copies of one sending.
    package var id: UInt64
    package var sender: Sender
    package var source: SocketAddress
    package var destination: SocketAddress
    package var bytes: [UInt8]
    package var sentAt: Instant
    /// Something between sender and receiver has changed its bytes, or nobody with a key has made them: no machine may
    /// act on it.
    package var isBroken = false
    /// A repetition: what it repeats may have arrived before.
    package var isCopy = false
    /// In a HEARTBEAT: when the PULSE was sent whose token it brings, as far as the world can tell.
    package var proof: Instant?
    /// The attacker who has sent, altered or delayed it, if one has.
    package var attacker: Int?

    package init(
        id: UInt64, sender: Sender, source: SocketAddress, destination: SocketAddress, bytes: [UInt8], sentAt: Instant
    ) {
        self.id = id
        self.sender = sender
        self.source = source
        self.destination = destination
        self.bytes = bytes
        self.sentAt = sentAt
    }

    package var kind: Kind? { bytes.count > 1 ? Kind(rawValue: bytes[1]) : nil }
    /// The fields of the header, unchecked; 0 where the datagram is too short.
    package var to: UInt64 { number(at: 4) }
    package var from: UInt64 { number(at: 12) }
    package var counter: UInt64 { number(at: 20) }
    /// What a PULSE echoes.
    package var echo: UInt64 { number(at: Header.size) }

    private func number(at offset: Int) -> UInt64 {
        guard bytes.count >= offset + 8 else { return 0 }
        return bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// Who is where: peers and attackers have addresses that tell their slot, so that no table is searched for a datagram.
package enum Addresses {
    package static let server = SocketAddress(ip: .v4(0xC000_0201), port: 3000)

    /// 10.x.y.z, port 4000; below 2^24.
    package static func slot(_ slot: Int) -> SocketAddress {
        SocketAddress(ip: .v4(0x0A00_0001 + UInt32(slot)), port: 4000)
    }

    package static func slot(of address: SocketAddress) -> Int? {
        guard case .v4(let ip) = address.ip, ip > 0x0A00_0000, ip < 0x0B00_0000 else { return nil }
        return Int(ip - 0x0A00_0001)
    }
}
