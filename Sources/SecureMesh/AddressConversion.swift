internal import NIOCore

extension SocketAddress {
    /// Reads a numeric address with a port, such as `127.0.0.1:3000` or `[::1]:3000`.
    ///
    /// - Throws: ``SocketAddressError``.
    public init(_ text: String) throws(SocketAddressError) {
        let (host, port) = try Self.split(text)
        guard let address = Self.numeric(host, port: port) else { throw .invalidHost }
        self = address
    }

    /// The address `[::]`, to bind a socket to every IPv6 and IPv4 address of the host.
    ///
    /// - Parameter port: The port. If it is 0, the system chooses a free port when a socket is bound.
    public static func wildcard(port: UInt16 = 0) -> SocketAddress {
        SocketAddress(ip: .v6(0, 0), port: port)
    }

    /// Returns true if a socket that is bound to this address supports the IP version of `remote`.
    func reaches(_ remote: SocketAddress) -> Bool {
        isIPv6 ? isUnspecified || remote.isIPv6 : !remote.isIPv6
    }

    /// The reason to reject the address if it is an IPv6 link-local address; nil for any other address.
    var linkLocalFault: String? {
        isIPv6 && isLinkLocal
            ? "\(self) is an IPv6 link-local address, which means another host on each link" : nil
    }

    /// The reason why neither a server nor a peer can bind a socket to the address; nil if there is no such reason.
    var bindFault: String? {
        isMulticastOrBroadcast ? "\(self) is a multicast or broadcast address, which no host has" : linkLocalFault
    }

    /// The addresses of this host's network interfaces; empty if the system cannot list them.
    static var ofHost: Set<IP> {
        let devices = (try? System.enumerateDevices()) ?? []
        return Set(devices.compactMap { $0.address.flatMap { SocketAddress($0)?.ip } })
    }

    static func split(_ text: String) throws(SocketAddressError) -> (host: String, port: UInt16) {
        guard let colon = text.lastIndex(of: ":") else { throw .notHostAndPort }
        var host = text[..<colon]
        guard !text.contains("%") else { throw .zone }
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else {
            throw .invalidPort
        }
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.contains(":") else { throw .invalidHost }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            throw .notHostAndPort
        }
        guard !host.isEmpty else { throw .invalidHost }
        return (String(host), port)
    }

    static func numeric(_ host: String, port: UInt16) -> SocketAddress? {
        (try? NIOCore.SocketAddress(ipAddress: host, port: Int(port))).flatMap { SocketAddress($0) }
    }

    /// Converts a socket address of SwiftNIO; returns nil if the address is neither IPv4 nor IPv6. An IPv4-mapped IPv6
    /// address becomes an IPv4 address.
    init?(_ address: NIOCore.SocketAddress) {
        guard let port = address.port.flatMap(UInt16.init(exactly:)) else { return nil }
        switch address {
        case .v4:
            // The sizes of the fields, in bytes. sockaddr_in: family 2, port 2, address 4. sockaddr_in6: family 2, port
            // 2, flow 4, address 16.
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
}
