import SecureMesh
import Testing

@Suite("Pulse tokens") struct PulseTokensTests {
    @Test("a token issued to all, or a member's own, is fresh for one lifetime; no other token is") func tokens() {
        var tokens = PulseTokens()
        let lifetime = Duration.milliseconds(1_500)
        let own = PulseTokens.Issued(token: 42, at: at(0))
        tokens.issue(7, now: at(100), lifetime: lifetime)
        let cases: [(token: UInt64, at: Int64, isFresh: Bool)] = [
            (7, 100, true), (7, 1_600, true), (7, 1_601, false), (42, 1_500, true), (42, 1_501, false), (8, 100, false),
        ]
        for (token, milliseconds, isFresh) in cases {
            let isLife = tokens.isFresh(token, own: own, now: at(milliseconds), lifetime: lifetime)
            #expect(isLife == isFresh, "token \(token) at \(milliseconds) ms")
        }
    }

    @Test("only the newest 256 tokens are kept") func bounded() {
        var tokens = PulseTokens()
        let own = PulseTokens.Issued(token: 0, at: at(0))
        for token in 1...UInt64(Limits.issuedTokens + 1) { tokens.issue(token, now: at(0), lifetime: .seconds(1)) }
        #expect(!tokens.isFresh(1, own: own, now: at(0), lifetime: .seconds(1)))
        #expect(tokens.isFresh(2, own: own, now: at(0), lifetime: .seconds(1)))
    }
}
