// A peer and a consumer of its events as two services of one group. SIGTERM and SIGINT end both.
// snippet.hide
import Logging
// snippet.show
import SecureMesh
import ServiceLifecycle
import UnixSignals

/// Prints the events. The loop ends when the group shuts down, because the sequence then ends.
struct EventPrinter: Service {
    let peer: MeshPeer

    func run() async throws {
        for await event in peer.events { print(event) }
    }
}

let peer = try MeshPeer(
    key: SigningKey(contentsOfFile: "keys/sensor-7.key"), name: PeerName("sensor-7"),
    server: SocketAddress("127.0.0.1:3000"), serverKey: PublicKey(contentsOfFile: "keys/server.pub"))

// A group starts its services in this order and stops them in reverse order. So the consumer ends first.
let group = ServiceGroup(
    services: [peer, EventPrinter(peer: peer)], gracefulShutdownSignals: [.sigterm, .sigint],
    logger: Logger(label: "services"))
try await group.run()
