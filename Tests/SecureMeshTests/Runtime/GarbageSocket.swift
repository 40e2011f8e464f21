internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A plain UDP socket. Tests use it to send datagrams as a stranger.
final class GarbageSocket {
    private let descriptor: CInt

    init?() {
        #if canImport(Glibc)
            descriptor = socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_DGRAM, 0)
        #endif
        guard descriptor >= 0 else { return nil }
    }

    deinit {
        close(descriptor)
    }

    /// Sends bytes to an IPv4 address.
    ///
    /// - Returns: False if the kernel did not accept all bytes.
    func send(_ bytes: [UInt8], to address: SocketAddress) -> Bool {
        guard case .v4(let ip) = address.ip else { return false }
        var destination = sockaddr_in()
        destination.sin_family = sa_family_t(AF_INET)
        destination.sin_port = address.port.bigEndian
        destination.sin_addr.s_addr = ip.bigEndian
        let sent = unsafe withUnsafeBytes(of: &destination) { raw in
            guard let start = raw.baseAddress else { return -1 }
            return unsafe sendto(
                descriptor, bytes, bytes.count, 0, start.assumingMemoryBound(to: sockaddr.self),
                socklen_t(raw.count))
        }
        return sent == bytes.count
    }
}
