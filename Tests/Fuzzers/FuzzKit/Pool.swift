package import SecureMeshCore

/// The keys, names and addresses that all targets use. There are few of them, so that an operation often concerns the
/// same peer as an earlier operation.
package enum Pool {
    package static let server = signingKey(0)
    package static let keys = (1...10).map { signingKey(UInt8($0)) }
    /// Ten names: four names of the maximum length and six names of one letter. With four long names, a snapshot of
    /// seven members has two parts.
    package static let names = "ABCDEFGHIJ".enumerated().compactMap { index, letter in
        try? PeerName(String(repeating: letter, count: (4..<8).contains(index) ? PeerName.maximumLength : 1))
    }
    package static let serverAddress = SocketAddress(ip: .v4(0xC633_6401), port: 3000)
    package static let context = SigningContext(mesh: server.publicKey)

    package static func address(_ index: Int) -> SocketAddress {
        index % 4 == 3
            ? SocketAddress(ip: .v6(0x2001_0DB8_0000_0000, UInt64(index)), port: 4000)
            : SocketAddress(ip: .v4(0xC633_6410 + UInt32(truncatingIfNeeded: index)), port: 4000)
    }

    /// Returns the path of datagrams from `address(index)`.
    package static func path(_ index: Int) -> Path { Path(remote: address(index)) }

    package static let session: SessionID = {
        var random = RandomSource.seeded(0x5E55)
        return random.sessionID { _ in false }
    }()

    /// Returns a secret that depends on `seed` alone.
    package static func secret(_ seed: UInt64) -> Secret32 {
        var random = RandomSource.seeded(seed &+ 0xF022)
        return random.secret()
    }

    private static func signingKey(_ seed: UInt8) -> SigningKey {
        let bytes = [UInt8](repeating: 0x40 + seed, count: Bytes32.count)
        return SigningKey(seed: bytes.span)
    }
}
