import SecureMesh

/// One peer of a `TestMesh`.
final class TestPeer {
    let name: PeerName
    let key: SigningKey
    var address: SocketAddress
    var machine: Peer
    /// How often its process was started.
    var starts = 1
    var isRunning = true
    var isPaused = false
    var events: [(at: Instant, event: PeerEvent)] = []
    var inbox: [Flight] = []

    init(name: PeerName, key: SigningKey, address: SocketAddress, machine: Peer) {
        self.name = name
        self.key = key
        self.address = address
        self.machine = machine
    }

    var publicKey: PublicKey { key.publicKey }
    var messages: [ReceivedMessage] {
        events.compactMap { if case .message(let message) = $0.event { message } else { nil } }
    }
    func count(_ isWanted: (PeerEvent) -> Bool) -> Int { events.count { isWanted($0.event) } }
    func has(_ event: PeerEvent) -> Bool { events.contains { $0.event == event } }
    var joins: Int { count { if case .joined = $0 { true } else { false } } }
    var departures: [Departure] {
        events.compactMap { if case .dismissed(let departure) = $0.event { departure } else { nil } }
    }
    var refusals: [JoinRefusal] {
        events.compactMap { if case .refused(let refusal, _) = $0.event { refusal } else { nil } }
    }
}
