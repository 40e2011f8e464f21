/// An IP address and a UDP port, as in the directory (PROTOCOL.md, ADDR).
///
/// An IPv4-mapped IPv6 address becomes an IPv4 address. The address has no zone, so IPv6 link-local addresses are not
/// supported.
public struct SocketAddress: Hashable, Sendable {
    /// An IP address.
    public enum IP: Hashable, Sendable {
        /// The four bytes of an IPv4 address. The first byte is the most significant one.
        case v4(UInt32)
        /// The first eight bytes and the last eight bytes of an IPv6 address, each as a big-endian number.
        case v6(UInt64, UInt64)
    }

    /// The IP address.
    public let ip: IP
    /// The UDP port.
    public let port: UInt16

    /// Makes an address. An IPv4-mapped IPv6 address becomes an IPv4 address.
    public init(ip: IP, port: UInt16) {
        if case .v6(0, let low) = ip, low >> 32 == 0xFFFF {
            self.ip = .v4(UInt32(truncatingIfNeeded: low))
        } else {
            self.ip = ip
        }
        self.port = port
    }

    package var isIPv6: Bool {
        if case .v6 = ip { true } else { false }
    }

    package var isUnspecified: Bool {
        switch ip {
        case .v4(let address): address >> 24 == 0
        case .v6(let high, let low): high == 0 && low == 0
        }
    }

    package var isLoopback: Bool {
        switch ip {
        case .v4(let address): address >> 24 == 127
        case .v6(let high, let low): high == 0 && low == 1
        }
    }

    package var isLinkLocal: Bool {
        switch ip {
        case .v4(let address): address >> 16 == 0xA9FE
        case .v6(let high, _): high >> 54 == 0x3FA
        }
    }

    /// True if the address is multicast, limited broadcast or in the reserved class E, so that it does not name one
    /// host.
    package var isMulticastOrBroadcast: Bool {
        switch ip {
        case .v4(let address): address >> 28 >= 0xE
        case .v6(let high, _): high >> 56 == 0xFF
        }
    }

    /// True if a datagram can be sent to the address: it names one host, has a port, and is not an IPv6 link-local
    /// address, which would need a zone.
    package var isUsable: Bool {
        port != 0 && !isUnspecified && !isMulticastOrBroadcast && !(isIPv6 && isLinkLocal)
    }
}

extension SocketAddress: CustomStringConvertible {
    /// The text of the address: `192.0.2.1:3000` or `[2001:db8::1]:3000` (RFC 5952).
    public var description: String { String(decoding: text, as: UTF8.self) }

    /// The UTF-8 bytes of `description`.
    package var text: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(24)
        switch ip {
        case .v4(let address):
            for shift in [24, 16, 8, 0] as [UInt32] {
                text.append(decimal: UInt64(address >> shift & 0xFF))
                text.append(UInt8(ascii: shift > 0 ? "." : ":"))
            }
        case .v6(let high, let low):
            text.append(contentsOf: "[\(Self.text(high, low))]:".utf8)
        }
        text.append(decimal: UInt64(port))
        return text
    }

    private static func text(_ high: UInt64, _ low: UInt64) -> String {
        let groups = (0..<8).map { index -> UInt16 in
            UInt16(truncatingIfNeeded: (index < 4 ? high : low) >> UInt64(48 - 16 * (index % 4)))
        }
        var zeros = 0..<0
        var start = 0
        for index in 0...8 where index == 8 || groups[index] != 0 {
            if index - start > max(zeros.count, 1) { zeros = start..<index }
            start = index + 1
        }
        let hex = groups.map { String($0, radix: 16) }
        guard !zeros.isEmpty else { return hex.joined(separator: ":") }
        let head = hex[..<zeros.lowerBound].joined(separator: ":")
        let tail = hex[zeros.upperBound...].joined(separator: ":")
        return "\(head)::\(tail)"
    }
}
