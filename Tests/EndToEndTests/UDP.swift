internal import Foundation
internal import Synchronization

/// Plain UDP sockets. Tests use them to send datagrams as strangers, and to find free ports.
enum UDP {
    /// Returns a port that is free on IPv4 and IPv6. No other test in this process gets the same port.
    ///
    /// The port is below Linux's range of ephemeral ports. So the system does not give it to another process before the
    /// test binds it.
    static func freePort() throws -> UInt16 {
        for _ in 0..<100 {
            let port = UInt16.random(in: 20_000..<32_768)
            if (try? Socket(.any, port: port)) != nil, given.withLock({ $0.insert(port).inserted }) { return port }
        }
        throw MissingOutcome(what: "a free UDP port", from: "the system")
    }

    static let hasIPv6 = (try? Socket(.loopback6)) != nil

    /// The second argument of socket(2) for a socket of datagrams.
    #if canImport(Darwin)
        static let socketKind = SOCK_DGRAM
    #else
        static let socketKind = Int32(SOCK_DGRAM.rawValue)
    #endif

    private static let given = Mutex<Set<UInt16>>([])

    enum Host: Sendable {
        /// The wildcard address, which stands for all addresses of this host.
        case any
        case loopback4
        case loopback6
    }

    /// A UDP socket that is closed when its last reference is released.
    final class Socket: Sendable {
        let port: UInt16
        private let descriptor: Int32

        /// Binds a UDP port. For port 0, the system chooses a free port.
        init(_ host: Host, port: UInt16 = 0) throws {
            let isIPv6 = host == .loopback6 || host == .any && UDP.hasIPv6
            descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, UDP.socketKind, 0)
            self.port = try Self.bind(descriptor, host, isIPv6: isIPv6, port: port)
        }

        deinit {
            close(descriptor)
        }

        func send(_ bytes: [UInt8], to host: Host, port: UInt16) {
            let isIPv6 = host == .loopback6
            unsafe withAddress(host, isIPv6: isIPv6, port: port) { address, size in
                _ = unsafe sendto(descriptor, bytes, bytes.count, 0, address, size)
            }
        }

        /// Waits for a datagram.
        ///
        /// - Returns: The datagram and the port of its sender; nil if none has come within `milliseconds`.
        func receive(within milliseconds: Int32) -> (bytes: [UInt8], port: UInt16)? {
            var events = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&events, 1, milliseconds) > 0 else { return nil }
            var buffer = [UInt8](repeating: 0, count: 65_536)
            // The port is at the same offset in the addresses of both families.
            var source = sockaddr_in6()
            var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
            let count = unsafe withUnsafeMutablePointer(to: &source) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe recvfrom(descriptor, &buffer, buffer.count, 0, $0, &size)
                }
            }
            return count < 0 ? nil : (Array(buffer.prefix(count)), UInt16(bigEndian: source.sin6_port))
        }

        private static func bind(_ descriptor: Int32, _ host: Host, isIPv6: Bool, port: UInt16) throws -> UInt16 {
            let result = unsafe withAddress(host, isIPv6: isIPv6, port: port) { address, size in
                unsafe Foundation.bind(descriptor, address, size)
            }
            guard descriptor >= 0, result == 0 else {
                let error = POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
                close(descriptor)
                throw error
            }
            // The port is at the same offset in the addresses of both families.
            var bound = sockaddr_in6()
            var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
            unsafe withUnsafeMutablePointer(to: &bound) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = unsafe getsockname(descriptor, $0, &size)
                }
            }
            return UInt16(bigEndian: bound.sin6_port)
        }
    }
}

/// Calls `body` with `host` and `port` as a socket address of the system.
private func withAddress<Result>(
    _ host: UDP.Host, isIPv6: Bool, port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    if isIPv6 {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_addr = host == .any ? in6addr_any : in6addr_loopback
        return unsafe withUnsafePointer(to: address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = host == .any ? 0 : UInt32(0x7F00_0001).bigEndian
    return unsafe withUnsafePointer(to: address) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}
