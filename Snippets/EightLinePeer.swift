// A peer that thanks every member that broadcasts a message.
// snippet.show
import SecureMesh

let peer = try MeshPeer(
    key: SigningKey(contentsOfFile: "keys/sensor-7.key"), name: PeerName("sensor-7"),
    server: SocketAddress("192.0.2.1:3000"), serverKey: PublicKey(contentsOfFile: "keys/server.pub"))
async let running: Void = peer.run()
for await case .message(let message) in peer.events where message.isBroadcast {
    try? await peer.send("thank you", to: message.sender)  // it may have left meanwhile
}
try await running
