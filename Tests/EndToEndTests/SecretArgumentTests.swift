internal import Foundation
internal import Testing

/// Tests a secret key that is given in place of another argument. It must be refused, and must not be printed, because
/// stderr is often logged.
@Suite("a secret among the arguments", .processes, .serialized)
struct SecretArgumentTests {
    private let harness = ProcessHarness.current

    private static let secret = "P2PSECRET1_" + String(repeating: "A", count: 48)
    static let misplaced: [[String]] = [
        ["peer", "A", "3001", "--key", secret], ["peer", secret, "3001"], ["peer", "A", secret],
        ["peer", "A", "3001", "--server", secret], ["peer", "A", "3001", "--server-key", secret],
        ["peer", "A", "3001", "--keys", secret], ["server", "--key", secret], ["server", "--authorized-peers", secret],
        ["server", "--listen", secret], ["keygen", secret], [secret],
    ]

    @Test("is not printed", arguments: misplaced)
    func silence(_ arguments: [String]) async throws {
        try await harness.makeKeys(peers: ["A"])
        let result = try await harness.run(arguments)
        #expect(result.status != 0)
        #expect(!result.text.contains(Self.secret.dropFirst(11)), "\(arguments)")
    }
}
