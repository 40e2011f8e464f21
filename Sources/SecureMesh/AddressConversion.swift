internal import NIOCore

extension SocketAddress {
    /// A numeric address, `127.0.0.1:3000` or `[::1]:3000`; nil if `text` is none. No names, no zones.
    public init?(_ text: String) {
        guard let (host, port) = Self.split(text), let address = Self.numeric(host, port: port) else { return nil }
        self = address
    }

    /// As `init(_:)`, but the host may be a name, which is looked up (this blocks the calling thread).
    ///
    /// - Throws: `MeshError.unresolvable` if `text` is no `HOST:PORT` or the name is unknown.
    public static func resolving(_ text: String) throws(MeshError) -> SocketAddress {
        guard let (host, port) = split(text) else { throw .unresolvable(text) }
        if let address = numeric(host, port: port) { return address }
        guard let found = try? NIOCore.SocketAddress.makeAddressResolvingHost(host, port: Int(port)),
            let address = SocketAddress(found)
        else { throw .unresolvable(text) }
        return address
    }

    private static func split(_ text: String) -> (host: String, port: UInt16)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else { return nil }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.contains(":") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        return host.isEmpty ? nil : (String(host), port)
    }

    private static func numeric(_ host: String, port: UInt16) -> SocketAddress? {
        guard !host.contains("%") else { return nil }
        return (try? NIOCore.SocketAddress(ipAddress: host, port: Int(port))).flatMap { SocketAddress($0) }
    }

    /// Nil for what is not IP. An IPv4-mapped address becomes an IPv4 one here, at the socket.
    init?(_ address: NIOCore.SocketAddress) {
        guard let port = address.port.flatMap(UInt16.init(exactly:)) else { return nil }
        switch address {
        case .v4:
            // sockaddr_in: family 2, port 2, address 4. sockaddr_in6: family 2, port 2, flow 4, address 16.
            let ip: UInt32 = unsafe address.withSockAddr { pointer, _ in
                unsafe UInt32(bigEndian: UnsafeRawPointer(pointer).loadUnaligned(fromByteOffset: 4, as: UInt32.self))
            }
            self.init(ip: .v4(ip), port: port)
        case .v6:
            let (high, low): (UInt64, UInt64) = unsafe address.withSockAddr { pointer, _ in
                let raw = unsafe UnsafeRawPointer(pointer)
                return unsafe (
                    UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                    UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
                )
            }
            self.init(ip: .v6(high, low), port: port)
        case .unixDomainSocket:
            return nil
        }
    }

    /// For a socket of that family; nil if it cannot send there. An IPv6 socket reaches IPv4 by mapped addresses.
    func forSocket(isIPv6: Bool) -> NIOCore.SocketAddress? {
        var packed = ByteBuffer()
        switch ip {
        case .v4(let address):
            if isIPv6 {
                packed.writeInteger(UInt64(0))
                packed.writeInteger(UInt32(0xFFFF))
            }
            packed.writeInteger(address)
        case .v6(let high, let low):
            guard isIPv6 else { return nil }
            packed.writeInteger(high)
            packed.writeInteger(low)
        }
        return try? NIOCore.SocketAddress(packedIPAddress: packed, port: Int(port))
    }
}
