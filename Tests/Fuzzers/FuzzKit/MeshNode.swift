import SecureMeshCore

/// A datagram under way.
struct Flight {
    var source: SocketAddress
    var destination: SocketAddress
    var bytes: [UInt8]
}

/// A true peer of a `MeshWorld`, and what has been seen of it.
struct MeshNode {
    let index: Int
    let key: SigningKey
    let name: PeerName
    let address: SocketAddress
    var machine: Peer
    /// False once its process is gone.
    var isRunning = true
    /// The server of each session that it has confirmed, and the one whose directory it holds.
    private var epochs: [UInt64: UInt64] = [:]
    private var epoch: UInt64 = 0
    private var version: UInt64 = 0
    /// Until then it may keep silent: it was told to wait.
    private(set) var waitsUntil: Instant

    init(_ index: Int, key: SigningKey, name: PeerName, address: SocketAddress, seed: UInt64, now: Instant) {
        self.index = index
        self.key = key
        self.name = name
        self.address = address
        let configuration = Peer.Configuration(
            key: key, name: name, servers: [Pool.server.publicKey], server: Pool.serverAddress)
        machine = Peer(configuration, random: .seeded(seed), now: now)
        waitsUntil = now
    }

    mutating func note(sent header: Header) {
        if header.kind == .confirm { epochs[header.from] = header.to }
    }

    mutating func note(_ event: PeerEvent, now: Instant) {
        switch event {
        case .refused(_, let pause): waitsUntil = max(waitsUntil, now + pause)
        case .dismissed(.replaced): waitsUntil = max(waitsUntil, now + ProtocolConstants.replacedPause)
        case .dismissed(.misbehaved): waitsUntil = max(waitsUntil, now + ProtocolConstants.barredPeriod)
        case .left, .ended: waitsUntil = Instant(nanoseconds: .max)
        case .joined, .dismissed, .connectionLost, .connectionRecovered, .unanswered, .memberJoined, .memberRejoined,
            .memberLeft, .nameMoved, .message:
            break
        }
    }

    /// After each call of the machine.
    mutating func check(_ ledger: inout MeshLedger) {
        if let session = machine.session, let current = epochs[session.rawValue], current != epoch {
            epoch = current
            version = 0
        }
        if machine.version < version {
            ledger.fail("\(name)'s directory went back from version \(version) to \(machine.version)")
        }
        version = machine.version
        let members = machine.members
        ledger.check(members, atMost: Limits.directoryEntries, of: "\(name)")
        if members.contains(where: { $0.publicKey == key.publicKey }) { ledger.fail("\(name) lists itself") }
    }
}
