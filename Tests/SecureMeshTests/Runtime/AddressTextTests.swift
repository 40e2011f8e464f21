internal import SecureMesh
internal import Testing

@Suite("Addresses as text")
struct AddressTextTests {
    @Test(
        "an address is read and written back",
        arguments: [
            "127.0.0.1:3000", "0.0.0.0:1", "255.255.255.255:65535", "[::1]:3000", "[::]:0", "[2001:db8::2]:3002",
            "[2001:db8:0:1::1]:9", "[fe80::1]:1", "[1:2:3:4:5:6:7:8]:80",
        ])
    func roundTrip(text: String) {
        #expect((try? SocketAddress(text))?.description == text)
    }

    @Test("an IPv4-mapped address is an IPv4 one")
    func mapped() {
        #expect((try? SocketAddress("[::ffff:192.0.2.1]:7"))?.description == "192.0.2.1:7")
    }

    @Test(
        "a text that is no address is refused",
        arguments: [
            "", ":", "127.0.0.1", "127.0.0.1:", ":3000", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 3", "::1:3000",
            "[::1]", "[::1]:x", "[127.0.0.1]:3", "localhost:3000", "1.2.3:4", "[fe80::1%lo]:1", "127.0.0.1:３",
        ])
    func refused(text: String) {
        #expect(throws: SocketAddressError.self) { try SocketAddress(text) }
    }
}
