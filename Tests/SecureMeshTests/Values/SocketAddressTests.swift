import SecureMesh
import Testing

@Suite("Socket addresses")
struct SocketAddressTests {
    /// Three values per case: the first eight bytes of an IPv6 address, its last eight bytes, and its text by RFC 5952.
    static let texts: [(UInt64, UInt64, String)] = [
        (0, 0, "[::]:1"), (0, 1, "[::1]:1"), (0x2001_0DB8_0000_0000, 2, "[2001:db8::2]:1"),
        (0x0001_0000_0000_0000, 0, "[1::]:1"),
        (0x2001_0DB8_0001_0002, 0x0003_0004_0005_0006, "[2001:db8:1:2:3:4:5:6]:1"),
        // A single group of zeros is not shortened. Of two runs of zeros, the longer run is shortened. If both are
        // equally long, the first run is shortened.
        (0x2001_0DB8_0000_0001, 0x0001_0001_0001_0001, "[2001:db8:0:1:1:1:1:1]:1"),
        (0x2001_0000_0000_0001, 0x0000_0000_0000_0001, "[2001:0:0:1::1]:1"),
        (0x2001_0DB8_0000_0000, 0x0001_0000_0000_0001, "[2001:db8::1:0:0:1]:1"),
        (0xABCD_0000_0000_0000, 0x0000_0000_0000_EF01, "[abcd::ef01]:1"),
        (0x0000_0000_0000_0001, 0x0001_0001_0001_0000, "[::1:1:1:1:0]:1"),
    ]

    @Test("IPv6 is written as in RFC 5952", arguments: texts)
    func ipv6(_ high: UInt64, _ low: UInt64, text: String) {
        #expect(SocketAddress(ip: .v6(high, low), port: 1).description == text)
    }

    @Test("IPv4 is written with dots")
    func ipv4() {
        #expect(SocketAddress(ip: .v4(0xC000_0201), port: 3_000).description == "192.0.2.1:3000")
        #expect(SocketAddress(ip: .v4(0xFFFF_FFFF), port: 65_535).description == "255.255.255.255:65535")
        #expect(SocketAddress(ip: .v4(0), port: 0).description == "0.0.0.0:0")
    }

    @Test("an IPv4-mapped IPv6 address becomes the IPv4 one")
    func mapped() {
        let mapped = SocketAddress(ip: .v6(0, 0xFFFF_C000_0201), port: 5)
        #expect(mapped == SocketAddress(ip: .v4(0xC000_0201), port: 5))
        #expect(!mapped.isIPv6)
        #expect(SocketAddress(ip: .v6(0, 0xFFFE_C000_0201), port: 5).isIPv6)
        #expect(SocketAddress(ip: .v6(1, 0xFFFF_C000_0201), port: 5).isIPv6)
    }

    /// Pairs: an address, and the name of the class that the address belongs to.
    static let classes: [(SocketAddress.IP, String)] = [
        (.v4(0), "unspecified"), (.v4(0x0000_0001), "unspecified"), (.v4(0x00FF_FFFF), "unspecified"),
        (.v4(0x0100_0000), "usable"), (.v4(0x7F00_0001), "loopback usable"), (.v4(0x7FFF_FFFF), "loopback usable"),
        (.v4(0x8000_0000), "usable"), (.v4(0xA9FE_0001), "link-local usable"), (.v4(0xA9FF_0000), "usable"),
        (.v4(0xDFFF_FFFF), "usable"), (.v4(0xE000_0000), "multicast"), (.v4(0xEFFF_FFFF), "multicast"),
        (.v4(0xF000_0000), "multicast"), (.v4(0xFFFF_FFFF), "multicast"),
        (.v6(0, 0), "unspecified"), (.v6(0, 1), "loopback usable"), (.v6(0, 2), "usable"),
        (.v6(0xFE80_0000_0000_0000, 1), "link-local"), (.v6(0xFEBF_FFFF_FFFF_FFFF, 1), "link-local"),
        (.v6(0xFEC0_0000_0000_0000, 1), "usable"), (.v6(0xFE7F_0000_0000_0000, 1), "usable"),
        (.v6(0xFF02_0000_0000_0000, 1), "multicast"), (.v6(0x2001_0DB8_0000_0000, 1), "usable"),
    ]

    @Test("addresses at the edges of each class belong to it", arguments: classes)
    func classOf(_ ip: SocketAddress.IP, expected: String) {
        let address = SocketAddress(ip: ip, port: 1)
        let found = [
            (address.isUnspecified, "unspecified"), (address.isLoopback, "loopback"),
            (address.isLinkLocal, "link-local"), (address.isMulticastOrBroadcast, "multicast"),
            (address.isUsable, "usable"),
        ]
        #expect(found.filter(\.0).map(\.1).joined(separator: " ") == expected)
        #expect(!SocketAddress(ip: ip, port: 0).isUsable)
    }

    @Test("two sockets have two paths to one address")
    func paths() {
        let remote = Fixture.address(1)
        #expect(Path(remote: remote) == Path(socket: 0, remote: remote))
        #expect(Path(remote: remote) != Path(socket: 1, remote: remote))
        #expect(Path(remote: remote) != Path(remote: Fixture.address(1, port: 9)))
    }
}
