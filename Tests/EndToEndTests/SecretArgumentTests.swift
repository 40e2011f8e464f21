internal import Foundation
internal import Testing

/// A secret key where something else belongs: refused, and never said back, since stderr is what a log keeps.
@Suite("a secret among the arguments", .serialized)
struct SecretArgumentTests {
    private static let secret = "P2PSECRET1_" + String(repeating: "A", count: 48)
    static let misplaced: [[String]] = [
        ["peer", "A", "3001", "--key", secret], ["peer", secret, "3001"], ["peer", "A", secret],
        ["peer", "A", "3001", "--server", secret], ["peer", "A", "3001", "--server-key", secret],
        ["peer", "A", "3001", "--keys", secret], ["server", "--key", secret], ["server", "--authorized-peers", secret],
        ["server", "--listen", secret], ["keygen", secret], [secret],
    ]

    @Test("is not said back", arguments: misplaced)
    func silence(_ arguments: [String]) async throws {
        let stage = try Stage()
        defer { stage.end() }
        try await stage.makeKeys(peers: ["A"])
        let result = try await stage.run(arguments)
        #expect(result.status != 0)
        #expect(!result.text.contains(Self.secret.dropFirst(11)), "\(arguments)")
    }
}
