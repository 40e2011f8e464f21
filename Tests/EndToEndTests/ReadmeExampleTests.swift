internal import Foundation
internal import Logging
internal import SecureMesh
internal import Testing

/// README.md's example, as it stands there: that this file builds is the proof that it compiles.
private func example() async throws {
    let file = try String(contentsOfFile: "keys/sensor-7.key", encoding: .utf8)
    guard let secret = file.split(separator: "\n").last.map({ Array($0.utf8) }),
        let name = PeerName("sensor-7"), let server = SocketAddress("192.0.2.1:3000")
    else { fatalError("no key, name or address") }
    let key = try SigningKey(secretText: secret.span)
    let pinned = try PublicKey(text: "p2ppub1_A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbjkJIHt")
    let settings = MeshPeer.Configuration(key: key, name: name, serverKeys: [pinned], server: server)
    let peer = try MeshPeer(settings, logger: Logger(label: "sensor"))

    async let running: Void = peer.run()
    for await case .message(let message) in peer.events where message.isBroadcast {
        try await peer.send(Array("thank you".utf8), to: message.sender.publicKey)
    }
    try await running
}

@Suite("README.md")
struct ReadmeExampleTests {
    @Test("the example of README.md is the one that this file compiles")
    func example() throws {
        let here = URL(fileURLWithPath: #filePath)
        let source = try String(contentsOf: here, encoding: .utf8)
        let root = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        let block = try #require(page.firstMatch(of: /```swift\n((?:.|\n)*?)```/)).output.1
        let lines = block.split(separator: "\n").filter { !$0.hasPrefix("import ") }
        #expect(lines.count <= 15)
        let body = try #require(source.firstMatch(of: /async throws \{\n((?:.|\n)*?)\n\}\n/)).output.1
        #expect(lines.map(String.init) == body.split(separator: "\n").map { String($0.dropFirst(4)) })
    }
}
