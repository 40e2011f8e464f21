#if os(Linux)
    internal import CSocket
#endif
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A bound UDP socket, with the system calls that SwiftNIO does not offer.
///
/// SwiftNIO reads from a duplicate of the descriptor. This type sends, because SwiftNIO would close the channel
/// whenever the kernel refuses to send one datagram.
final class SocketDescriptor: Sendable {
    /// The result of an attempt to send a datagram.
    enum SendResult {
        case sent
        /// The send buffer is full. The datagram can be sent later.
        case full
        /// The kernel refuses to send this datagram, for example because there is no route, a firewall rule forbids the
        /// datagram, or the datagram is too large.
        case refused(SystemError)
    }

    let isIPv6: Bool
    private let isIPv6Only: Bool
    private let descriptor: CInt

    /// Opens a non-blocking socket that child processes do not inherit, and binds the socket.
    ///
    /// - Parameters:
    ///   - address: The local address. If the port is 0, the system chooses a port.
    ///   - isIPv6Only: True if an IPv6 socket must not receive IPv4 datagrams, because another socket has the port for
    ///     IPv4.
    ///   - sharesAddress: True to let other sockets of the same user bind the same address (SO_REUSEPORT).
    init(bindingTo address: SocketAddress, isIPv6Only: Bool, sharesAddress: Bool = false) throws(SystemError) {
        isIPv6 = address.isIPv6
        self.isIPv6Only = isIPv6Only
        descriptor = try DatagramDescriptor.open(family: address.isIPv6 ? AF_INET6 : AF_INET)
        if isIPv6 { try set(CInt(IPPROTO_IPV6), IPV6_V6ONLY, isIPv6Only ? 1 : 0) }
        if sharesAddress { try set(SOL_SOCKET, SO_REUSEPORT, 1) }
        let result = unsafe Self.withKernelAddress(address, isIPv6: isIPv6) { unsafe bind(descriptor, $0, $1) }
        guard result == 0 else { throw SystemError() }
    }

    deinit {
        close(descriptor)
    }

    /// Returns a second descriptor of the same socket, which the caller must close.
    func duplicate() throws(SystemError) -> CInt {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw SystemError() }
        return copy
    }

    /// The port to which the socket is bound. The system may have chosen it.
    var port: UInt16 {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return unsafe withUnsafeMutableBytes(of: &address) { bytes in
            guard let start = bytes.baseAddress else { return 0 }
            _ = unsafe getsockname(descriptor, start.assumingMemoryBound(to: sockaddr.self), &size)
            // sockaddr_in and sockaddr_in6 begin with two bytes for the family, and two for the port.
            return unsafe UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
    }

    /// Opens members' sockets at the address of this socket. This socket becomes the strangers' socket, which receives
    /// only HELLOs. The members' sockets receive nothing until `sendMembersApart` is called.
    ///
    /// This socket must have been bound without SO_REUSEPORT. With SO_REUSEPORT, it could have been bound although
    /// another process has the address.
    ///
    /// - Parameter count: The number of members' sockets, one per event loop.
    /// - Throws: `SystemError` if the kernel cannot distribute datagrams in this way. This socket then still receives
    ///   all datagrams.
    func openMembersSockets(at address: SocketAddress, count: Int = 1) throws(SystemError) -> [SocketDescriptor] {
        do throws(SystemError) {
            try set(SOL_SOCKET, SO_REUSEPORT, 1)
            var members: [SocketDescriptor] = []
            for _ in 0..<count {
                members.append(
                    try SocketDescriptor(bindingTo: address, isIPv6Only: isIPv6Only, sharesAddress: true))
            }
            try chooseSockets(.allToStrangers)
            try dropOthers(.helloOnly)
            return members
        } catch {
            takeAll()
            throw error
        }
    }

    /// Directs members' datagrams to the members' sockets that `openMembersSockets` opened. Members' datagrams have the
    /// server's epoch in the header field `to` (PROTOCOL.md, section 4.1).
    ///
    /// - Parameter division: The event loops, each with one members' socket.
    func sendMembersApart(epoch: UInt64, division: LaneDivision) throws(SystemError) {
        try chooseSockets(.membersFirst(epoch: epoch, division: division))
    }

    /// True if several sockets can share one address, and the system distributes datagrams among them by the sender's
    /// session.
    static var offersDivision: Bool {
        let loopback = SocketAddress(ip: .v4(0x7F00_0001), port: 0)
        guard let first = try? SocketDescriptor(bindingTo: loopback, isIPv6Only: false) else { return false }
        let address = SocketAddress(ip: loopback.ip, port: first.port)
        let division = LaneDivision(loops: 2)
        guard let others = try? first.openMembersSockets(at: address, count: Int(division.loops)) else { return false }
        return withExtendedLifetime(others) {
            (try? first.sendMembersApart(epoch: 1, division: division)) != nil
        }
    }

    /// Undoes `openMembersSockets`. This socket receives all datagrams once the caller has closed the members' sockets.
    func takeAll() {
        #if os(Linux)
            try? set(SOL_SOCKET, SO_DETACH_FILTER, 0)
        #endif
        try? set(SOL_SOCKET, SO_REUSEPORT, 0)
    }

    private func chooseSockets(_ filter: PacketFilter) throws(SystemError) {
        #if os(Linux)
            try attach(filter, SO_ATTACH_REUSEPORT_CBPF)
        #else
            throw SystemError(ENOPROTOOPT)
        #endif
    }

    private func dropOthers(_ filter: PacketFilter) throws(SystemError) {
        #if os(Linux)
            try attach(filter, SO_ATTACH_FILTER)
        #else
            throw SystemError(ENOPROTOOPT)
        #endif
    }

    /// A program of the packet filter, laid out like `sock_fprog` of linux/filter.h.
    @unsafe private struct Program {
        let count: UInt16
        let instructions: UnsafePointer<PacketFilter.Instruction>?
    }

    private func attach(_ filter: PacketFilter, _ name: CInt) throws(SystemError) {
        let result = unsafe filter.instructions.withUnsafeBufferPointer { instructions in
            var program = unsafe Program(
                count: UInt16(clamping: instructions.count), instructions: instructions.baseAddress)
            return unsafe setsockopt(
                descriptor, SOL_SOCKET, name, &program, socklen_t(MemoryLayout<Program>.size))
        }
        guard result == 0 else { throw SystemError() }
    }

    /// Connects the socket to an address, and returns the path MTU in bytes; nil if there is no route or the system
    /// does not report the path MTU.
    func pathMTU(to remote: SocketAddress) -> Int? {
        #if canImport(Darwin)
            return nil
        #else
            let result = unsafe Self.withKernelAddress(remote, isIPv6: isIPv6) { unsafe connect(descriptor, $0, $1) }
            guard result == 0 else { return nil }
            let size = isIPv6 ? get(CInt(IPPROTO_IPV6), Self.ipv6MTU) : get(CInt(IPPROTO_IP), Self.ipv4MTU)
            return size > 0 ? size : nil
        #endif
    }

    /// IP_MTU and IPV6_MTU, from linux/in.h and linux/in6.h.
    private static let ipv4MTU: CInt = 14
    private static let ipv6MTU: CInt = 24

    /// Requests a size of the receive buffer, in bytes.
    ///
    /// - Returns: The size that the system has granted, in bytes.
    func requestReceiveBuffer(_ size: Int) -> Int {
        try? set(SOL_SOCKET, SO_RCVBUF, CInt(clamping: size))
        return get(SOL_SOCKET, SO_RCVBUF)
    }

    /// Requests a size of the send buffer, in bytes.
    ///
    /// - Returns: The size that the system has granted, in bytes.
    func requestSendBuffer(_ size: Int) -> Int {
        try? set(SOL_SOCKET, SO_SNDBUF, CInt(clamping: size))
        return get(SOL_SOCKET, SO_SNDBUF)
    }

    /// The number of bytes in use in the send buffer; nil if the system does not report the number.
    var sendBufferUse: Int? { memory.map { Int($0[Self.sendUse]) } }

    /// The number of datagrams that the kernel dropped because of a filter or a full receive buffer, modulo 2^32; nil
    /// if the system does not report the number.
    var drops: UInt32? { memory?[Self.dropCount] }

    /// The values of SO_MEMINFO, in the order of linux/sock_diag.h; nil if the system does not offer them.
    private var memory: [UInt32]? {
        #if os(Linux)
            var values = [UInt32](repeating: 0, count: Self.memoryValues)
            var size = socklen_t(values.count * MemoryLayout<UInt32>.size)
            let result = unsafe getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, &values, &size)
            return result == 0 ? values : nil
        #else
            return nil
        #endif
    }

    private static let memoryValues = 9
    private static let sendUse = 2
    private static let dropCount = 8

    /// Sends one datagram, without waiting.
    ///
    /// - Parameter local: The address of this host from which to send; nil to let the system choose. Only 64-bit Linux
    ///   uses `local`; on other systems, the system always chooses.
    func send(_ bytes: [UInt8], to remote: SocketAddress, from local: SocketAddress.IP? = nil) -> SendResult {
        guard canReach(remote) else { return .refused(SystemError(EAFNOSUPPORT)) }
        let sent = repeatingInterrupted {
            #if os(Linux)
                if local != nil, KernelDatagrams.isSupported {
                    return sendTogether([Transmit(path: Path(remote: remote), bytes: bytes)]) { _ in local }
                }
            #endif
            let sent = unsafe Self.withKernelAddress(remote, isIPv6: isIPv6) { address, size in
                unsafe sendto(descriptor, bytes, bytes.count, 0, address, size)
            }
            return sent < 0 ? -Int(errno) : sent
        }
        guard sent < 0 else { return .sent }
        let error = SystemError(CInt(-sent))
        return error.code == EAGAIN || error.code == EWOULDBLOCK ? .full : .refused(error)
    }

    /// Sends datagrams in their order, without waiting, until one cannot be sent. On 64-bit Linux, all of them are sent
    /// with one system call.
    ///
    /// - Parameter source: Maps a path to the address of this host from which to send; to nil if the system chooses.
    /// - Returns: The number of datagrams that were sent.
    func send(_ datagrams: ArraySlice<Transmit>, source: (Path) -> SocketAddress.IP?) -> Int {
        #if os(Linux)
            if KernelDatagrams.isSupported {
                let end = datagrams.indices.first { !canReach(datagrams[$0].path.remote) } ?? datagrams.endIndex
                guard end > datagrams.startIndex else { return 0 }
                return max(repeatingInterrupted { sendTogether(datagrams[..<end], source: source) }, 0)
            }
        #endif
        let failed = datagrams.firstIndex { datagram in
            let result = send(datagram.bytes, to: datagram.path.remote, from: source(datagram.path))
            guard case .sent = result else { return true }
            return false
        }
        return (failed ?? datagrams.endIndex) - datagrams.startIndex
    }

    private func canReach(_ remote: SocketAddress) -> Bool {
        remote.isUsable && (isIPv6 || !remote.isIPv6)
    }

    /// Repeats a system call until no signal interrupts it.
    ///
    /// - Parameter call: Returns the result of the system call, or the negative error number.
    private func repeatingInterrupted(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            guard result == -Int(EINTR) else { return result }
        }
    }

    #if os(Linux)
        /// Calls sendmmsg(2).
        ///
        /// - Returns: The number of datagrams that were sent, or the negative error number.
        private func sendTogether(_ datagrams: ArraySlice<Transmit>, source: (Path) -> SocketAddress.IP?) -> Int {
            unsafe KernelDatagrams(datagrams, isIPv6: isIPv6).withHeaders(source: source) { headers, count in
                unsafe socket_send_datagrams(descriptor, headers, count)
            }
        }
    #endif

    private func set(_ level: CInt, _ name: CInt, _ value: CInt) throws(SystemError) {
        var value = value
        let size = socklen_t(MemoryLayout<CInt>.size)
        guard unsafe setsockopt(descriptor, level, name, &value, size) == 0 else { throw SystemError() }
    }

    private func get(_ level: CInt, _ name: CInt) -> Int {
        var value: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        _ = unsafe getsockopt(descriptor, level, name, &value, &size)
        return Int(value)
    }

    /// Calls `body` with the address in the form that the socket needs (`KernelAddress`).
    private static func withKernelAddress<Result>(
        _ address: SocketAddress, isIPv6: Bool, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var kernel = sockaddr_storage()
        return unsafe withUnsafeMutableBytes(of: &kernel) { bytes in
            unsafe KernelAddress.store(address, isIPv6: isIPv6, in: bytes)
            let start = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            guard let start = unsafe start else { preconditionFailure("an address without memory") }
            return unsafe body(start, socklen_t(KernelAddress.size(isIPv6: isIPv6)))
        }
    }
}
