package import SecureMeshCore

/// A datagram on its way through a virtual network, with facts about this datagram that only the mesh knows.
package struct Flight: Sendable {
    package enum Sender: Hashable, Sendable {
        case server
        case peer(Int)
        /// An attacker, or code that sends a datagram without a process.
        case attacker(Int)
    }

    /// A number that all copies of a datagram share.
    package var id: UInt64
    package var sender: Sender
    package var source: SocketAddress
    package var destination: SocketAddress
    package var bytes: [UInt8]
    package var sentAt: Instant
    /// The index of the sending peer's identity in the `Invariants`; nil if the sender is not a peer.
    package internal(set) var identity: Int?
    /// True if the datagram was changed on the way, or if an attacker made it as garbage. No machine may act on it.
    package var isBroken = false
    /// True if another copy of the datagram may have arrived earlier.
    package var isCopy = false
    /// The time at which the server issued the token of this PULSE, CONFIRM or HEARTBEAT; nil if it is unknown.
    package var proof: Instant?
    /// The number of the attacker that has sent, changed or delayed the datagram; nil if no attacker has.
    package var attacker: Int?

    package var header: Header? { try? Datagram(decoding: bytes.span).header }
    package var kind: Kind? { bytes.count > 1 ? Kind(rawValue: bytes[1]) : nil }
    /// The `to` field of the header; 0 if the datagram is too short. The field is read without decoding the datagram.
    /// The same is true of `from` and `counter`.
    package var to: UInt64 { number(at: 4) }
    package var from: UInt64 { number(at: 12) }
    package var counter: UInt64 { number(at: 20) }
    /// The number of the heartbeat that a PULSE echoes, read without decoding the datagram.
    package var echo: UInt64 { number(at: Header.size) }

    package var senderIndex: Int? {
        if case .peer(let index) = sender { index } else { nil }
    }

    /// True if an honest machine made the datagram, and nobody has changed it.
    var isHonest: Bool {
        if case .attacker = sender { false } else { !isBroken }
    }

    /// A copy of the datagram, in which `isCopy` is true.
    package var copied: Flight {
        var copy = self
        copy.isCopy = true
        return copy
    }

    package var describedKind: String { kind.map { "\($0)" } ?? "none" }

    private func number(at offset: Int) -> UInt64 {
        guard bytes.count >= offset + 8 else { return 0 }
        return bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// The addresses of a virtual mesh. The address of a peer or an attacker contains a number, its slot. So the receiver
/// of a datagram is found without a search in a table.
package enum Addresses {
    package static let server = SocketAddress(ip: .v4(0xC000_0201), port: 3000)

    /// Returns the address 10.x.y.z, port 4000, that contains `slot`. `slot` must be below 2^24 - 1.
    package static func slot(_ slot: Int) -> SocketAddress {
        SocketAddress(ip: .v4(0x0A00_0001 + UInt32(slot)), port: 4000)
    }

    package static func slot(of address: SocketAddress) -> Int? {
        guard case .v4(let ip) = address.ip, ip > 0x0A00_0000, ip < 0x0B00_0000 else { return nil }
        return Int(ip - 0x0A00_0001)
    }
}
