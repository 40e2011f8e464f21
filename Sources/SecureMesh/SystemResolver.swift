#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif
internal import NIOConcurrencyHelpers
internal import NIOPosix

/// Looks up hosts with getaddrinfo(3). The lookups run on their own threads, because getaddrinfo can block for many
/// seconds.
///
/// If a name is already being looked up, a second lookup of the same name waits for the result of the first. So if the
/// name service does not answer, each name blocks one thread, and at most `Limits.lookupThreads` threads are blocked.
final class SystemResolver: HostResolver {
    private typealias Answer = Result<[SocketAddress.IP], HostLookupError>

    static let shared = SystemResolver()

    private let threads = NIOThreadPool(numberOfThreads: Limits.lookupThreads)
    private let waiters = NIOLockedValueBox<[String: [OneShot<Answer>]]>([:])

    private let lookUp: @Sendable (String) -> Result<[SocketAddress.IP], HostLookupError>

    /// - Parameter lookUp: Looks up a host, and may block. Tests pass their own function.
    init(lookUp: @escaping @Sendable (String) -> Result<[SocketAddress.IP], HostLookupError> = SystemResolver.ask) {
        self.lookUp = lookUp
    }

    func addresses(of host: String) async -> Result<[SocketAddress.IP], HostLookupError> {
        let waiter = OneShot<Answer>()
        let isFirst = waiters.withLockedValue { waiters in
            defer { waiters[host, default: []].append(waiter) }
            return waiters[host] == nil
        }
        if isFirst {
            // Only a process that looks up names starts these threads.
            threads.start()
            threads.submit { _ in
                let answer = self.lookUp(host)
                let waiting = self.waiters.withLockedValue { $0.removeValue(forKey: host) }
                for waiter in waiting ?? [] { waiter.give(answer) }
            }
        }
        return await waiter.value(ifCancelled: .failure(.unavailable(reason: "canceled")))
    }

    private static func ask(_ host: String) -> Answer {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
            unsafe hints.ai_socktype = CInt(SOCK_DGRAM.rawValue)
        #else
            unsafe hints.ai_socktype = SOCK_DGRAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { return .failure(error(code)) }
        defer { unsafe freeaddrinfo(list) }
        var found: [SocketAddress.IP] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let ip = unsafe address(in: entry.pointee), !found.contains(ip) { found.append(ip) }
            unsafe next = unsafe entry.pointee.ai_next
        }
        return .success(found)
    }

    private static func address(in entry: addrinfo) -> SocketAddress.IP? {
        guard let start = unsafe UnsafeRawPointer(entry.ai_addr) else { return nil }
        // The sizes of the fields, in bytes. sockaddr_in: family 2, port 2, address 4. sockaddr_in6: family 2, port 2,
        // flow 4, address 16.
        switch unsafe entry.ai_family {
        case AF_INET:
            let ip = unsafe start.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
            return SocketAddress(ip: .v4(UInt32(bigEndian: ip)), port: 0).ip
        case AF_INET6:
            let high = unsafe start.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            let low = unsafe start.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
            return SocketAddress(ip: .v6(UInt64(bigEndian: high), UInt64(bigEndian: low)), port: 0).ip
        default:
            return nil
        }
    }

    private static func error(_ code: CInt) -> HostLookupError {
        if code == EAI_NONAME { return .unknownHost }
        if code == EAI_SYSTEM { return .unavailable(reason: SystemError().message) }
        let text = unsafe gai_strerror(code).map { unsafe String(cString: $0) }
        return .unavailable(reason: text ?? "error \(code)")
    }
}
