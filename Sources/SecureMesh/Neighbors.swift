#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Checks whether this host's kernel knows the link-layer address for a destination (rtnetlink(7), Linux).
///
/// If a neighbor sends this host a datagram, it first resolves this host's link-layer address. The kernel then stores
/// the neighbor's own link-layer address. For a forged source address that no host has, the kernel stores nothing. A
/// datagram to such an address would stay in the send buffer for seconds.
final class Neighbors: Sendable {
    private let descriptor: CInt

    /// Opens a netlink socket, through which the kernel answers requests. Returns nil if the system has no netlink.
    init?() {
        #if os(Linux)
            #if canImport(Glibc)
                let type = CInt(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
            #else
                let type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK
            #endif
            descriptor = socket(AF_NETLINK, type, Self.routeProtocol)
            guard descriptor >= 0 else { return nil }
        #else
            return nil
        #endif
    }

    deinit {
        close(descriptor)
    }

    /// Returns true if the system would send a datagram to this address without a delay. The check takes four system
    /// calls.
    func knows(_ ip: SocketAddress.IP) -> Bool {
        guard let route = route(to: ip) else { return false }
        if route.isLocal { return true }
        guard let interface = route.interface else { return false }
        var request = Request(Self.getNeighbor, family: route.nextHop.family)
        request.append(UInt32(interface))
        request.append(UInt32(0))
        request.append(Self.neighborDestination, route.nextHop.bytes)
        guard let answer = ask(request), answer.kind == Self.newNeighbor, answer.bytes.count >= Self.fixedSize else {
            return false
        }
        return answer.number16(at: 8) & Self.knownStates != 0
    }

    private struct Route {
        var isLocal: Bool
        var interface: UInt32?
        var nextHop: NetworkAddress
    }

    private func route(to ip: SocketAddress.IP) -> Route? {
        let destination = NetworkAddress(ip)
        var request = Request(Self.getRoute, family: destination.family)
        request.bytes[Self.headerSize + 1] = UInt8(destination.bytes.count * 8)
        request.append(UInt32(0))
        request.append(UInt32(0))
        request.append(Self.routeDestination, destination.bytes)
        guard let answer = ask(request), answer.kind == Self.newRoute, answer.bytes.count >= Self.fixedSize else {
            return nil
        }
        var route = Route(isLocal: answer.bytes[7] == Self.localRoute, interface: nil, nextHop: destination)
        answer.forEachAttribute { type, value in
            switch type {
            case Self.routeInterface where value.count == 4: route.interface = Answer(kind: 0, value).number32(at: 0)
            case Self.routeGateway: route.nextHop.bytes = value
            default: break
            }
        }
        return route
    }

    /// An address in the format of netlink.
    private struct NetworkAddress {
        var bytes: [UInt8] = []
        var family: UInt8 { UInt8(clamping: bytes.count == 4 ? AF_INET : AF_INET6) }

        init(_ ip: SocketAddress.IP) {
            switch ip {
            case .v4(let address):
                bytes = (0..<4).map { UInt8(truncatingIfNeeded: address >> (24 - 8 * $0)) }
            case .v6(let high, let low):
                bytes.append(bigEndian: high)
                bytes.append(bigEndian: low)
            }
        }
    }

    /// A request to netlink: a header of 16 bytes, then a fixed part of 12 bytes that begins with the family, then
    /// attributes.
    private struct Request {
        var bytes: [UInt8]

        init(_ kind: UInt16, family: UInt8) {
            // The flag NLM_F_REQUEST is 1. The length is set last.
            bytes = [0, 0, 0, 0] + Self.native(kind) + Self.native(UInt16(1)) + [UInt8](repeating: 0, count: 8)
            bytes += [family, 0, 0, 0]
        }

        mutating func append(_ number: UInt32) { bytes += Self.native(number) }

        mutating func append(_ type: UInt16, _ value: [UInt8]) {
            bytes += Self.native(UInt16(clamping: value.count + 4)) + Self.native(type) + value
        }

        var finished: [UInt8] { Self.native(UInt32(clamping: bytes.count)) + bytes.dropFirst(4) }

        private static func native<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
            let little = (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number.littleEndian >> (8 * $0)) }
            return Number(1).littleEndian == 1 ? little : little.reversed()
        }
    }

    /// An answer of netlink: the kind from its header, and the bytes after the header.
    private struct Answer {
        let kind: UInt16
        let bytes: [UInt8]

        init(kind: UInt16, _ bytes: [UInt8]) {
            self.kind = kind
            self.bytes = bytes
        }

        func number16(at offset: Int) -> UInt16 { UInt16(truncatingIfNeeded: number(at: offset, size: 2)) }
        func number32(at offset: Int) -> UInt32 { number(at: offset, size: 4) }

        private func number(at offset: Int, size: Int) -> UInt32 {
            guard offset >= 0, offset + size <= bytes.count else { return 0 }
            let part = bytes[offset..<offset + size]
            let ordered = UInt16(1).littleEndian == 1 ? Array(part.reversed()) : Array(part)
            return ordered.reduce(0) { $0 << 8 | UInt32($1) }
        }

        func forEachAttribute(_ body: (UInt16, [UInt8]) -> Void) {
            var offset = Neighbors.fixedSize
            while offset + 4 <= bytes.count {
                let size = Int(number16(at: offset))
                guard size >= 4, offset + size <= bytes.count else { return }
                body(number16(at: offset + 2), Array(bytes[offset + 4..<offset + size]))
                offset += (size + 3) / 4 * 4
            }
        }
    }

    /// Sends a request and reads the answer, which the kernel provides before `send` returns.
    private func ask(_ request: Request) -> Answer? {
        let bytes = request.finished
        guard unsafe send(descriptor, bytes, bytes.count, 0) == bytes.count else { return nil }
        var buffer = [UInt8](repeating: 0, count: Self.largestAnswer)
        let size = unsafe recv(descriptor, &buffer, buffer.count, 0)
        guard size >= Self.headerSize else { return nil }
        let header = Answer(kind: 0, Array(buffer[..<Self.headerSize]))
        return Answer(kind: header.number16(at: 4), Array(buffer[Self.headerSize..<size]))
    }

    private static let headerSize = 16
    private static let fixedSize = 12
    private static let largestAnswer = 4_096
    // These constants are from netlink.h, rtnetlink.h and the header for neighbors, all in linux/.
    private static let routeProtocol: CInt = 0
    private static let newRoute: UInt16 = 24
    private static let getRoute: UInt16 = 26
    private static let newNeighbor: UInt16 = 28
    private static let getNeighbor: UInt16 = 30
    private static let localRoute: UInt8 = 2
    private static let routeDestination: UInt16 = 1
    private static let routeInterface: UInt16 = 4
    private static let routeGateway: UInt16 = 5
    private static let neighborDestination: UInt16 = 1
    /// The states of a neighbor, as bits, in which the system knows the link-layer address: reachable, stale, delay,
    /// probe, no ARP and permanent.
    private static let knownStates: UInt16 = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80
}
