#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The layout of the kernel's socket addresses, `sockaddr_in` and `sockaddr_in6`.
///
/// The fields are written at fixed offsets. SwiftNIO's C module declares these structures too, and a release build
/// would find their fields only if this file imported that module.
enum KernelAddress {
    /// The size of an address, in bytes.
    ///
    /// - Parameter isIPv6: True for an address of an IPv6 socket.
    static func size(isIPv6: Bool) -> Int { isIPv6 ? 28 : 16 }

    /// Writes an address into memory that holds zeros. For an IPv6 socket, an IPv4 address becomes an IPv4-mapped IPv6
    /// address. For an IPv4 socket, `address` must be an IPv4 address.
    ///
    /// - Parameters:
    ///   - isIPv6: True for an IPv6 socket.
    ///   - bytes: At least `size(isIPv6:)` bytes.
    @unsafe static func store(_ address: SocketAddress, isIPv6: Bool, in bytes: UnsafeMutableRawBufferPointer) {
        let family = isIPv6 ? AF_INET6 : AF_INET
        #if canImport(Darwin)
            unsafe bytes.storeBytes(of: UInt8(size(isIPv6: isIPv6)), as: UInt8.self)
            unsafe bytes.storeBytes(of: UInt8(family), toByteOffset: 1, as: UInt8.self)
        #else
            unsafe bytes.storeBytes(of: UInt16(family), as: UInt16.self)
        #endif
        unsafe bytes.storeBytes(of: address.port.bigEndian, toByteOffset: 2, as: UInt16.self)
        switch address.ip {
        case .v4(let ip) where !isIPv6:
            unsafe bytes.storeBytes(of: ip.bigEndian, toByteOffset: 4, as: UInt32.self)
        case .v4(let ip):
            let mapped = 0xFFFF_0000_0000 | UInt64(ip)
            unsafe bytes.storeBytes(of: mapped.bigEndian, toByteOffset: 16, as: UInt64.self)
        case .v6(let high, let low) where isIPv6:
            unsafe bytes.storeBytes(of: high.bigEndian, toByteOffset: 8, as: UInt64.self)
            unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 16, as: UInt64.self)
        case .v6:
            break
        }
    }
}
