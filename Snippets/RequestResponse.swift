// Request and response over direct messages, with a timeout, since any message can be lost.
// snippet.show
import SecureMesh

/// Sends requests to other members and matches the responses. A request has the form `?ID TEXT`, and a response
/// `!ID TEXT`.
actor Caller {
    struct NoResponse: Error {}

    private let peer: MeshPeer
    private var nextID = 0
    private var waiting: [Int: (from: PublicKey, responses: AsyncStream<String>.Continuation)] = [:]

    init(_ peer: MeshPeer) {
        self.peer = peer
    }

    /// Sends a request and waits for the response.
    ///
    /// - Throws: `SendError` if the request cannot be sent; `CancellationError`; `NoResponse` if no response comes in
    ///   time. The receiver may have handled the request nevertheless.
    func call(_ text: String, at member: Member, timeout: Duration = .seconds(1)) async throws -> String {
        let id = nextID
        nextID += 1
        // The response may come before `send` returns, so the call is registered first.
        let (responses, continuation) = AsyncStream.makeStream(of: String.self)
        waiting[id] = (member.publicKey, continuation)
        defer { waiting[id] = nil }
        while true {
            do {
                try await peer.send("?\(id) \(text)", to: member)
                break
            } catch .overRate(let pause) {
                try await Task.sleep(for: pause)
            }
        }
        let timer = Task {
            try await Task.sleep(for: timeout)
            continuation.finish()
        }
        defer { timer.cancel() }
        for await response in responses { return response }
        try Task.checkCancellation()
        throw NoResponse()
    }

    /// Handles the messages that this peer receives, until the peer ends.
    func run(answering respond: @Sendable (String) -> String) async {
        for await case .message(let message) in peer.events {
            guard let text = message.text, let space = text.firstIndex(of: " ") else { continue }
            let rest = String(text[text.index(after: space)...])
            guard let id = Int(text[..<space].dropFirst()) else { continue }
            switch text.first {
            // The caller may have left, or this peer may exceed its rate. The caller's request then times out.
            case "?": try? await peer.send("!\(id) \(respond(rest))", to: message.sender)
            // Only the member that was called may answer, so the sender is checked.
            case "!": if let call = waiting[id], call.from == message.sender.publicKey { call.responses.yield(rest) }
            default: break
            }
        }
    }
}
// snippet.hide

let peer = try MeshPeer(
    key: SigningKey(contentsOfFile: "keys/sensor-7.key"), name: PeerName("sensor-7"),
    server: SocketAddress("192.0.2.1:3000"), serverKey: PublicKey(contentsOfFile: "keys/server.pub"))
let caller = Caller(peer)
async let running: Void = peer.run()
async let answering: Void = caller.run { $0.uppercased() }
try await peer.joined()
if let other = try await peer.members().first {
    print(try await caller.call("hello", at: other))
}
await peer.leave()
await answering
try await running
