internal import SecureMeshCore

/// A registry and two members of its mesh, as values: whatever is done to a copy, the next copy knows nothing of it.
struct Scene: Sendable {
    var registry: Registry
    /// Says things.
    var speaker: Peer
    /// Is told things.
    var listener: Peer
    /// The speaker's, the listener's.
    let addresses: [SocketAddress]
    let server: PublicKey
    var now: Instant

    init() throws {
        var faults: [String] = []
        let mesh = VirtualMesh(seed: 1, report: { faults.append($0) })
        let peers = try mesh.join(2)
        if let fault = Fault(faults) { throw fault }
        registry = try require(mesh.registry, "no registry")
        speaker = peers[0].machine
        listener = peers[1].machine
        server = mesh.serverKey.publicKey
        addresses = peers.map(\.address)
        now = mesh.now
    }

    /// What no refused datagram may change.
    struct Observed: Hashable {
        let members: [Member]
        let directories: [[Member]]
        let versions: [UInt64]
    }

    var observed: Observed {
        Observed(
            members: registry.members, directories: [speaker.members, listener.members],
            versions: [registry.version, speaker.version, listener.version])
    }

    /// To the server as if from the speaker, to the listener as if from the server. Outputs are let go.
    mutating func hand(_ bytes: [UInt8]) {
        registry.handle(bytes.span, path: Path(remote: addresses[0]), now: now)
        while registry.pollOutput() != nil {}
        listener.handle(bytes.span, path: Path(remote: VirtualMesh.server), now: now)
        while listener.pollOutput() != nil {}
    }
}
