import Testing

@testable import SecureMesh

@Suite("Source policy")
struct SourcePolicyTests {
    private static let any4 = SocketAddress(ip: .v4(0), port: 3_000)
    private static let any6 = SocketAddress(ip: .v6(0, 0), port: 3_000)
    private static let loop4 = SocketAddress(ip: .v4(0x7F00_0001), port: 3_000)
    private static let loop6 = SocketAddress(ip: .v6(0, 1), port: 3_000)
    private static let link4 = SocketAddress(ip: .v4(0xA9FE_0001), port: 3_000)
    private static let host4 = Fixture.address(200)

    private static func v4(_ ip: UInt32, port: UInt16 = 4_000) -> SocketAddress { .init(ip: .v4(ip), port: port) }
    private static func v6(_ high: UInt64, _ low: UInt64) -> SocketAddress { .init(ip: .v6(high, low), port: 4_000) }

    /// Three values per case: the address of a socket, the source of a datagram to that socket, and true if the socket
    /// answers.
    static let table: [(SocketAddress, SocketAddress, Bool)] = [
        (any4, v4(0xC000_0201), true), (any6, v6(0x2001_0DB8_0000_0000, 1), true), (host4, v4(0xC000_0201), true),
        // None of these sources is the address of one host.
        (any4, v4(0xC000_0201, port: 0), false), (any4, v4(0), false), (any4, v4(0x0000_0005), false),
        (any4, v4(0xE000_0001), false), (any4, v4(0xFFFF_FFFF), false), (any4, v4(0xF000_0001), false),
        (any6, v6(0, 0), false), (any6, v6(0xFF02_0000_0000_0000, 1), false),
        (any6, v6(0xFE80_0000_0000_0000, 1), false), (loop6, v6(0xFE80_0000_0000_0000, 1), false),
        // A socket does not answer its own address.
        (host4, host4, false), (loop4, loop4, false), (loop4, v4(0x7F00_0001), true),
        // Loopback sources are answered only by a socket that is bound to loopback.
        (any4, v4(0x7F00_0001), false), (host4, v4(0x7F00_0001), false), (any6, v6(0, 1), false),
        (loop4, v4(0x7F00_0002), true), (loop6, v6(0, 1), true),
        // Link-local sources are answered only by a socket that is bound to a link-local address.
        (any4, v4(0xA9FE_0002), false), (loop4, v4(0xA9FE_0002), false), (link4, v4(0xA9FE_0002), true),
    ]

    @Test("a socket answers the sources that its own address allows", arguments: table)
    func answers(bound: SocketAddress, source: SocketAddress, isAllowed: Bool) {
        #expect(SourcePolicy(bound: [bound]).allows(Path(remote: source)) == isAllowed)
    }

    @Test("a socket on a wildcard address does not answer its own port at any address of the host")
    func hostAddresses() {
        let host = Self.v4(0x0A4D_0001, port: 3_000)
        let host6 = SocketAddress(ip: .v6(0xFD00_0077_0000_0000, 1), port: 3_000)
        for bound in [Self.any4, Self.any6] {
            let policy = SourcePolicy(bound: [bound], hostAddresses: [host.ip, host6.ip])
            #expect(!policy.allows(Path(remote: host)) && !policy.allows(Path(remote: host6)))
            // These sources belong to a peer on the server's host, and to a host with another address.
            #expect(policy.allows(Path(remote: SocketAddress(ip: host.ip, port: 3_001))))
            #expect(policy.allows(Path(remote: Self.v4(0x0A4D_0002, port: 3_000))))
        }
        let policy = SourcePolicy(bound: [Self.host4], hostAddresses: [host.ip])
        #expect(policy.allows(Path(remote: host)))
    }

    @Test("the address at which a HELLO arrived counts as the server's own, and so does one that the host gets later")
    func arrived() {
        let host = Self.host4
        var policy = SourcePolicy(bound: [SocketAddress(ip: .v4(0), port: host.port)])
        #expect(policy.allows(Path(remote: host)))
        #expect(!policy.allows(Path(remote: host, local: host.ip)))
        policy.hostAddresses = [host.ip]
        #expect(!policy.allows(Path(remote: host)))
    }

    @Test("this host's addresses are known, loopback among them") func ofHost() {
        #expect(SocketAddress.ofHost.contains(.v4(0x7F00_0001)))
    }

    @Test("each socket has its own policy, and none answers another socket of the server")
    func severalSockets() {
        let policy = SourcePolicy(bound: [Self.loop4, Self.any6, Self.host4])
        let loopback = Self.v4(0x7F00_0002)
        #expect(policy.allows(Path(socket: 0, remote: loopback)))
        #expect(!policy.allows(Path(socket: 1, remote: loopback)))
        #expect(!policy.allows(Path(socket: 2, remote: loopback)))
        for socket in UInt8(0)...2 {
            #expect(!policy.allows(Path(socket: socket, remote: Self.host4)))
            #expect(!policy.allows(Path(socket: socket, remote: Self.loop4)))
        }
        #expect(!policy.allows(Path(socket: 3, remote: Fixture.address(1))))
        #expect(!policy.allows(Path(socket: 255, remote: Fixture.address(1))))
    }
}
