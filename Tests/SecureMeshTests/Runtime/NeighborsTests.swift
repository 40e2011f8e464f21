internal import Testing

@testable internal import SecureMesh

@Suite("Neighbors")
struct NeighborsTests {
    #if os(Linux)
        @Test("this host is known, in both families, and an address that no host has is not")
        func knows() throws {
            let neighbors = try #require(Neighbors())
            // The calls are repeated to show that each call gets the answer to its own request.
            for _ in 0..<3 {
                #expect(neighbors.knows(.v4(0x7F00_0001)))
                #expect(neighbors.knows(.v4(0x7F00_0002)))
                // A multicast address has no entry in the neighbor table.
                #expect(!neighbors.knows(.v6(0xFF02_0000_0000_0000, 0x1234)))
            }
            if SocketAddress.ofHost.contains(.v6(0, 1)) { #expect(neighbors.knows(.v6(0, 1))) }
        }
    #endif
}
