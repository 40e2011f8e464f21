package import MeshSimulator
package import SecureMeshCore

/// Keys, names and addresses that every target draws from: a small pool, so that what one operation made the next can
/// use.
package enum Pool {
    package static let server = signingKey(0)
    package static let keys = (1...10).map { signingKey(UInt8($0)) }
    /// Four of them as long as can be: with them a snapshot of seven members has two parts.
    package static let names = "ABCDEFGHIJ".enumerated().compactMap { index, letter in
        try? PeerName(String(repeating: letter, count: (4..<8).contains(index) ? PeerName.maximumLength : 1))
    }
    package static let serverAddress = SocketAddress(ip: .v4(0xC633_6401), port: 3000)
    package static let context = SigningContext(server: server.publicKey)

    package static func address(_ index: Int) -> SocketAddress {
        index % 4 == 3
            ? SocketAddress(ip: .v6(0x2001_0DB8_0000_0000, UInt64(index)), port: 4000)
            : SocketAddress(ip: .v4(0xC633_6410 + UInt32(truncatingIfNeeded: index)), port: 4000)
    }

    package static let session: SessionID = {
        var random = RandomSource.seeded(0x5E55)
        return random.sessionID { _ in false }
    }()

    /// A secret that `seed` names.
    package static func secret(_ seed: UInt64) -> Secret32 {
        var random = RandomSource.seeded(seed &+ 0xF022)
        return random.secret()
    }

    private static func signingKey(_ seed: UInt8) -> SigningKey {
        let bytes = [UInt8](repeating: 0x40 + seed, count: Bytes32.count)
        return SigningKey(seed: bytes.span)
    }
}

extension ScriptedPeer {
    package init?(
        key: SigningKey, name: PeerName, path: Path, ephemeral: Secret32, cookie: Bytes16 = .zero
    ) {
        self.init(key: key, name: name, path: path, ephemeral: ephemeral, cookie: cookie, context: Pool.context)
    }
}

extension ScriptedServer {
    /// Nil unless `hello` is a HELLO that `Pool.server` can open.
    package init?(hello: [UInt8], from address: SocketAddress, session: SessionID, epoch: UInt64, ephemeral: Secret32) {
        let parameters = Welcome.Parameters(
            heartbeat: ProtocolConstants.heartbeatInterval, lifetime: ProtocolConstants.lifetime,
            trust: ProtocolConstants.trust, rekey: ProtocolConstants.rekey)
        self.init(
            key: Pool.server, context: Pool.context, hello: hello, from: address, session: session, epoch: epoch,
            ephemeral: ephemeral, parameters: parameters)
    }
}
