// A peer that broadcasts messages of 65,000 bytes as fast as their receivers accept them.
import SecureMesh

let arguments = Array(CommandLine.arguments.dropFirst())
guard arguments.count == 4 else { fatalError("usage: LargestMessages <key file> <name> <server> <public key file>") }
// snippet.show
var configuration = MeshPeer.Configuration(
    key: try SigningKey(contentsOfFile: arguments[0]), name: try PeerName(arguments[1]),
    server: try SocketAddress(arguments[2]), serverKeys: [try PublicKey(contentsOfFile: arguments[3])])
configuration.maximumMessageSize = 65_000
let peer = try MeshPeer(configuration)
async let running: Void = peer.run()
try await peer.joined()
let body = [UInt8](repeating: UInt8(ascii: "m"), count: configuration.maximumMessageSize)
while !Task.isCancelled {
    do {
        try await peer.broadcast(body)
    } catch .overRate(let retryAfter) {
        try await Task.sleep(for: retryAfter)
    } catch .queueFull {
        try await Task.sleep(for: .milliseconds(10))
    } catch .notJoined {
        try await peer.joined()
    }
}
try await running
