#if os(Linux)
    /// Datagrams in the form that sendmmsg(2) of 64-bit Linux reads.
    ///
    /// The memory consists of one `mmsghdr` for each datagram, then one record for each datagram, and then the bytes of
    /// all datagrams. A record has the `iovec`, the address of the receiver, and the control message with the address
    /// from which to send (ip(7), ipv6(7)). The fields are written at fixed offsets, as in `KernelAddress`.
    struct KernelDatagrams {
        /// True if the system's structures have the layout that this type writes.
        static var isSupported: Bool { MemoryLayout<Int>.size == 8 }

        private let datagrams: ArraySlice<Transmit>
        private let isIPv6: Bool

        /// - Parameters:
        ///   - datagrams: At least one datagram.
        ///   - isIPv6: True if an IPv6 socket sends the datagrams.
        init(_ datagrams: ArraySlice<Transmit>, isIPv6: Bool) {
            self.datagrams = datagrams
            self.isIPv6 = isIPv6
        }

        /// Calls `body` with the address of the first `mmsghdr` and the number of datagrams.
        ///
        /// - Parameter source: Maps a path to the address of this host from which to send; to nil if the system
        ///   chooses.
        @unsafe func withHeaders<Result>(
            source: (Path) -> SocketAddress.IP?, _ body: (UnsafeMutableRawPointer, UInt32) -> Result
        ) -> Result {
            let bodies = datagrams.count * (Self.headerSize + Self.recordSize)
            let size = datagrams.indices.reduce(bodies) { $0 + datagrams[$1].bytes.count }
            return unsafe withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { memory in
                guard let start = memory.baseAddress else { preconditionFailure("datagrams without memory") }
                unsafe start.initializeMemory(as: UInt8.self, repeating: 0, count: bodies)
                var record = unsafe start + datagrams.count * Self.headerSize
                var bytes = unsafe start + bodies
                var header = unsafe start
                for index in datagrams.indices {
                    let path = datagrams[index].path
                    unsafe store(
                        datagrams[index].bytes, to: path.remote, from: source(path), header: header, record, bytes)
                    unsafe header += Self.headerSize
                    unsafe record += Self.recordSize
                    unsafe bytes += datagrams[index].bytes.count
                }
                return unsafe body(start, UInt32(datagrams.count))
            }
        }

        /// Writes one datagram. `header` and `record` point to zeros.
        @unsafe private func store(
            _ datagram: [UInt8], to remote: SocketAddress, from local: SocketAddress.IP?,
            header: UnsafeMutableRawPointer, _ record: UnsafeMutableRawPointer, _ bytes: UnsafeMutableRawPointer
        ) {
            unsafe datagram.withUnsafeBytes { source in
                guard let source = source.baseAddress else { return }
                unsafe bytes.copyMemory(from: source, byteCount: datagram.count)
            }
            let (name, control) = unsafe (record + Self.nameOffset, record + Self.controlOffset)
            unsafe record.storeBytes(of: UInt(bitPattern: bytes), as: UInt.self)
            unsafe record.storeBytes(of: datagram.count, toByteOffset: 8, as: Int.self)
            unsafe KernelAddress.store(
                remote, isIPv6: isIPv6,
                in: UnsafeMutableRawBufferPointer(start: name, count: KernelAddress.size(isIPv6: isIPv6)))
            unsafe header.storeBytes(of: UInt(bitPattern: name), as: UInt.self)
            let nameSize = UInt32(KernelAddress.size(isIPv6: isIPv6))
            unsafe header.storeBytes(of: nameSize, toByteOffset: 8, as: UInt32.self)
            unsafe header.storeBytes(of: UInt(bitPattern: record), toByteOffset: 16, as: UInt.self)
            unsafe header.storeBytes(of: 1, toByteOffset: 24, as: Int.self)
            guard let local else { return }
            let size = unsafe store(local, control)
            unsafe header.storeBytes(of: UInt(bitPattern: control), toByteOffset: 32, as: UInt.self)
            unsafe header.storeBytes(of: size, toByteOffset: 40, as: Int.self)
        }

        /// Writes the control message with the address from which to send.
        ///
        /// - Returns: The size of the control message, in bytes.
        @unsafe private func store(_ local: SocketAddress.IP, _ control: UnsafeMutableRawPointer) -> Int {
            // The sizes of the fields, in bytes. in_pktinfo: interface 4, source 4, destination 4. in6_pktinfo: source
            // 16, interface 4. Each follows a cmsghdr: size 8, level 4, name 4.
            let dataSize = isIPv6 ? 20 : 12
            let (level, name) = isIPv6 ? Self.ipv6PacketInfo : Self.ipv4PacketInfo
            unsafe control.storeBytes(of: 16 + dataSize, as: Int.self)
            unsafe control.storeBytes(of: level, toByteOffset: 8, as: Int32.self)
            unsafe control.storeBytes(of: name, toByteOffset: 12, as: Int32.self)
            switch local {
            case .v4(let ip) where !isIPv6:
                unsafe control.storeBytes(of: ip.bigEndian, toByteOffset: 20, as: UInt32.self)
            case .v4(let ip):
                let mapped = 0xFFFF_0000_0000 | UInt64(ip)
                unsafe control.storeBytes(of: mapped.bigEndian, toByteOffset: 24, as: UInt64.self)
            case .v6(let high, let low):
                unsafe control.storeBytes(of: high.bigEndian, toByteOffset: 16, as: UInt64.self)
                unsafe control.storeBytes(of: low.bigEndian, toByteOffset: 24, as: UInt64.self)
            }
            return (16 + dataSize + 7) / 8 * 8
        }

        /// The size of an `mmsghdr`: a `msghdr` of 56 bytes, the number of sent bytes, and padding.
        private static let headerSize = 64
        /// The size of a record: an `iovec` of 16 bytes, an address of 32 bytes, and a control message of 40 bytes.
        private static let recordSize = 88
        private static let nameOffset = 16
        private static let controlOffset = 48
        /// The level and the name of the socket options IP_PKTINFO and IPV6_PKTINFO.
        private static let ipv4PacketInfo: (Int32, Int32) = (0, 8)
        private static let ipv6PacketInfo: (Int32, Int32) = (41, 50)
    }
#endif
