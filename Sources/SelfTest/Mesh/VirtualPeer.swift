package import SecureMeshCore

/// One peer of a `VirtualMesh`.
package final class VirtualPeer {
    package let name: PeerName
    package let key: SigningKey
    package var address: SocketAddress
    package var machine: Peer
    /// How often its process was started.
    package var starts = 1
    package var isRunning = true
    package var isPaused = false
    package var events: [(at: Instant, event: PeerEvent)] = []
    package var inbox: [Flight] = []

    package init(name: PeerName, key: SigningKey, address: SocketAddress, machine: Peer) {
        self.name = name
        self.key = key
        self.address = address
        self.machine = machine
    }

    package var publicKey: PublicKey { key.publicKey }
    package var messages: [ReceivedMessage] {
        events.compactMap { if case .message(let message) = $0.event { message } else { nil } }
    }
    package func count(_ isWanted: (PeerEvent) -> Bool) -> Int { events.count { isWanted($0.event) } }
    package func has(_ event: PeerEvent) -> Bool { events.contains { $0.event == event } }
    package var joins: Int { count { if case .joined = $0 { true } else { false } } }
    package var departures: [Departure] {
        events.compactMap { if case .dismissed(let departure) = $0.event { departure } else { nil } }
    }
    package var refusals: [JoinRefusal] {
        events.compactMap { if case .refused(let refusal, _) = $0.event { refusal } else { nil } }
    }
}
