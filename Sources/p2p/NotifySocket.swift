internal import SecureMesh

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Sends the states of this process to the socket of a service manager, by the protocol of sd_notify(3).
final class NotifySocket: Sendable {
    private let descriptor: CInt
    /// The address of the service manager's socket: a `sockaddr_un` without the unused bytes at its end.
    private let address: [UInt8]

    /// - Parameter name: The name of the service manager's socket: an absolute path, or `@` and an abstract name.
    /// - Throws: `EINVAL` if the name has another form; `ENAMETOOLONG` if the name is too long; the system's error if
    ///   no socket can be opened.
    init(_ name: String) throws(SystemError) {
        let isAbstract = name.hasPrefix("@")
        guard isAbstract || name.hasPrefix("/") else { throw SystemError(EINVAL) }
        let path = isAbstract ? [0] + Array(name.utf8.dropFirst()) : Array(name.utf8) + [0]
        guard path.count <= Self.longestPath else { throw SystemError(ENAMETOOLONG) }
        #if canImport(Darwin)
            address = [UInt8(path.count + 2), UInt8(AF_UNIX)] + path
        #else
            let family = UInt16(AF_UNIX)
            address = (unsafe withUnsafeBytes(of: family) { unsafe Array($0) }) + path
        #endif
        descriptor = try DatagramDescriptor.open(family: AF_UNIX)
    }

    deinit {
        close(descriptor)
    }

    /// Sends a state without waiting.
    ///
    /// - Throws: `EAGAIN` if the socket is full because the service manager has not read earlier states yet.
    func send(_ state: String) throws(SystemError) {
        let bytes = Array(state.utf8)
        let count = unsafe address.withUnsafeBytes { address in
            guard let start = address.baseAddress else { return -1 }
            return unsafe sendto(
                descriptor, bytes, bytes.count, CInt(MSG_NOSIGNAL), start.assumingMemoryBound(to: sockaddr.self),
                socklen_t(address.count))
        }
        guard count >= 0 else { throw SystemError() }
    }

    /// The time of CLOCK_MONOTONIC in microseconds. A service manager compares it with times that it reads from the
    /// same clock.
    static var monotonicMicroseconds: Int {
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_MONOTONIC, &time) == 0 else { return 0 }
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1_000
    }

    /// The largest size of a path in `sockaddr_un`, in bytes.
    private static var longestPath: Int { MemoryLayout<sockaddr_un>.size - 2 }
}
