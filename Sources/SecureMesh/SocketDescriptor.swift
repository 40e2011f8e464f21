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
        guard remote.isUsable, isIPv6 || !remote.isIPv6 else { return .refused(SystemError(EAFNOSUPPORT)) }
        let sent = unsafe Self.withKernelAddress(remote, isIPv6: isIPv6) { address, size in
            while true {
                let sent = unsafe sendOnce(bytes, to: address, size, from: local)
                guard sent < 0, errno == EINTR else { return sent }
            }
        }
        guard sent < 0 else { return .sent }
        let error = SystemError()
        return error.code == EAGAIN || error.code == EWOULDBLOCK ? .full : .refused(error)
    }

    private func sendOnce(
        _ bytes: [UInt8], to address: UnsafePointer<sockaddr>, _ size: socklen_t, from local: SocketAddress.IP?
    ) -> Int {
        #if os(Linux)
            if let local, MemoryLayout<Int>.size == 8 {
                return unsafe sendMessage(bytes, to: address, size, from: local)
            }
        #endif
        return unsafe sendto(descriptor, bytes, bytes.count, 0, address, size)
    }

    #if os(Linux)
        /// Calls sendmsg(2) with the source address in a control message (ip(7), ipv6(7)).
        ///
        /// The fields are written at fixed offsets, as in `withKernelAddress`: msghdr at 0, iovec at 56, and the
        /// control message at 72, with its data at 88.
        private func sendMessage(
            _ bytes: [UInt8], to address: UnsafePointer<sockaddr>, _ size: socklen_t, from local: SocketAddress.IP
        ) -> Int {
            let dataSize = isIPv6 ? 20 : 12
            return unsafe withUnsafeTemporaryAllocation(byteCount: 112, alignment: 8) { memory in
                guard let start = memory.baseAddress else { return -1 }
                unsafe memory.initializeMemory(as: UInt8.self, repeating: 0)
                return unsafe bytes.withUnsafeBytes { body in
                    unsafe memory.storeBytes(of: UInt(bitPattern: address), as: UInt.self)
                    unsafe memory.storeBytes(of: size, toByteOffset: 8, as: socklen_t.self)
                    unsafe memory.storeBytes(of: UInt(bitPattern: start + 56), toByteOffset: 16, as: UInt.self)
                    unsafe memory.storeBytes(of: 1, toByteOffset: 24, as: Int.self)
                    unsafe memory.storeBytes(of: UInt(bitPattern: start + 72), toByteOffset: 32, as: UInt.self)
                    unsafe memory.storeBytes(of: (16 + dataSize + 7) / 8 * 8, toByteOffset: 40, as: Int.self)
                    unsafe memory.storeBytes(of: UInt(bitPattern: body.baseAddress), toByteOffset: 56, as: UInt.self)
                    unsafe memory.storeBytes(of: body.count, toByteOffset: 64, as: Int.self)
                    unsafe memory.storeBytes(of: 16 + dataSize, toByteOffset: 72, as: Int.self)
                    let (level, name) = isIPv6 ? Self.ipv6PacketInfo : Self.ipv4PacketInfo
                    unsafe memory.storeBytes(of: level, toByteOffset: 80, as: CInt.self)
                    unsafe memory.storeBytes(of: name, toByteOffset: 84, as: CInt.self)
                    switch local {
                    case .v4(let ip) where !isIPv6:
                        // The sizes of the fields, in bytes. in_pktinfo: interface 4, source 4, destination 4.
                        unsafe memory.storeBytes(of: ip.bigEndian, toByteOffset: 92, as: UInt32.self)
                    case .v4(let ip):
                        let mapped = 0xFFFF_0000_0000 | UInt64(ip)
                        unsafe memory.storeBytes(of: mapped.bigEndian, toByteOffset: 96, as: UInt64.self)
                    case .v6(let high, let low):
                        // The sizes of the fields, in bytes. in6_pktinfo: source 16, interface 4.
                        unsafe memory.storeBytes(of: high.bigEndian, toByteOffset: 88, as: UInt64.self)
                        unsafe memory.storeBytes(of: low.bigEndian, toByteOffset: 96, as: UInt64.self)
                    }
                    return unsafe sendmsg(descriptor, start.assumingMemoryBound(to: msghdr.self), 0)
                }
            }
        }

        /// The level and the name of the socket options IP_PKTINFO and IPV6_PKTINFO.
        private static let ipv4PacketInfo: (CInt, CInt) = (0, 8)
        private static let ipv6PacketInfo: (CInt, CInt) = (41, 50)
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

    /// Calls `body` with the address in the form that the socket needs. For an IPv6 socket, an IPv4 address becomes an
    /// IPv4-mapped IPv6 address.
    private static func withKernelAddress<Result>(
        _ address: SocketAddress, isIPv6: Bool, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        // The fields are written at fixed offsets. SwiftNIO's C module declares these structures too, and a release
        // build would find their fields only if this file imported that module.
        let size = isIPv6 ? 28 : 16
        var kernel = sockaddr_storage()
        return unsafe withUnsafeMutableBytes(of: &kernel) { bytes in
            let family = isIPv6 ? AF_INET6 : AF_INET
            #if canImport(Darwin)
                unsafe bytes.storeBytes(of: UInt8(size), as: UInt8.self)
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
            let start = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            guard let start = unsafe start else { preconditionFailure("an address without memory") }
            return unsafe body(start, socklen_t(size))
        }
    }
}
