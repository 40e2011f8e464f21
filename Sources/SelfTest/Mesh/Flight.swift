package import SecureMeshCore

/// A datagram on its way.
package struct Flight {
    package var source: SocketAddress
    package var destination: SocketAddress
    package var bytes: [UInt8]
    package var sentAt: Instant

    package var kind: Kind? { bytes.count > 1 ? Kind(rawValue: bytes[1]) : nil }
    package var header: Header? { try? Datagram(decoding: bytes.span).header }
}

/// What the virtual network does with a datagram.
package enum Fate {
    case deliver, drop
    case delay(Duration)
    /// Delivered, and again after each of the gaps.
    case duplicate([Duration])
    case replace([UInt8])
}

/// Whether a key and a nonce ever meet two plaintexts, as far as it shows from outside.
struct NonceLedger {
    private var sealed: [[UInt8]: [UInt8]] = [:]

    /// False if other bytes have been sealed with what seals these.
    mutating func admits(_ bytes: [UInt8], _ kind: Kind) -> Bool {
        // The direction and the counter; before there is a session the fresh key (with the cookie) or the salt.
        let use: [UInt8]? =
            switch kind {
            case .retry: nil
            case .hello, .welcome, .reject: [bytes[1]] + bytes[Header.size..<kind.sealedOffset]
            case .confirm, .heartbeat, .leave, .pulse, .snapshot, .delta, .goodbye, .message:
                Array(bytes[4..<Header.size])
            }
        guard let use, let other = sealed.updateValue(bytes, forKey: use) else { return true }
        return other == bytes
    }
}
