#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Opens descriptors of datagram sockets.
package enum DatagramDescriptor {
    /// Opens a non-blocking socket that child processes do not inherit. The caller closes it.
    ///
    /// - Parameter family: `AF_INET`, `AF_INET6` or `AF_UNIX`.
    package static func open(family: CInt) throws(SystemError) -> CInt {
        #if canImport(Glibc)
            let type = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        #elseif canImport(Musl)
            let type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK
        #else
            let type = SOCK_DGRAM
        #endif
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw SystemError() }
        #if canImport(Darwin)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        #endif
        return descriptor
    }
}
