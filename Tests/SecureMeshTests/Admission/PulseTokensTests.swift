import SecureMesh
import Testing

@Suite("Pulse tokens") struct PulseTokensTests {
    private let lifetime = Duration.milliseconds(1_500)

    /// Returns true if `token` is fresh, whichever token the member was sent last.
    private func isFresh(
        _ token: UInt64, of session: SessionID, in tokens: PulseTokens, sent: [PulseToken], now: Instant
    ) -> Bool {
        let results = ([.none] + sent).map { last in
            PulseTokens.isFresh(
                issuedAt: tokens.match(token, of: session, last: last)?.at, now: now, lifetime: lifetime)
        }
        #expect(Set(results).count == 1)
        return results[0]
    }

    @Test("a token is fresh for one lifetime and for one receiver") func tokens() throws {
        let (a, b) = (try Fixture.session(4), try Fixture.session(5))
        var tokens = PulseTokens(secret: Fixture.secret(1), now: at(0))
        let firstSent = tokens.newest(for: a, last: .none)
        tokens.issue(Fixture.secret(2), version: 2, now: at(100), lifetime: lifetime)
        let secondSent = tokens.newest(for: a, last: firstSent)
        #expect(tokens.newest(for: a, last: secondSent).value == secondSent.value)
        let (first, second) = (firstSent.value, secondSent.value)
        #expect(first != second)
        let cases: [(token: UInt64, of: SessionID, at: Int64, isFresh: Bool)] = [
            (second, a, 100, true), (second, a, 1_600, true), (second, a, 1_601, false), (first, a, 1_500, true),
            (first, a, 1_501, false), (first, b, 100, false), (second, b, 100, false), (first &+ 1, a, 100, false),
        ]
        for (token, session, milliseconds, isFresh) in cases {
            let isLife = self.isFresh(
                token, of: session, in: tokens, sent: session == a ? [firstSent, secondSent] : [],
                now: at(milliseconds))
            #expect(isLife == isFresh, "token \(token) at \(milliseconds) ms")
        }
    }

    @Test("only the newest 256 secrets are kept") func bounded() throws {
        let session = try Fixture.session(4)
        var tokens = PulseTokens(secret: Fixture.secret(0), now: at(0))
        var issued = [tokens.newest(for: session, last: .none)]
        for number in 1...UInt8.max {
            tokens.issue(Fixture.secret(number), version: 2, now: at(0), lifetime: .seconds(1))
            issued.append(tokens.newest(for: session, last: issued[0]))
        }
        #expect(Set(issued.map(\.value)).count == Limits.pulseSecrets)
        tokens.issue(.random(), version: 2, now: at(1), lifetime: .seconds(1))
        #expect(tokens.usage.count == Limits.pulseSecrets)
        for last in [.none, issued[0], issued[1]] {
            #expect(tokens.match(issued[0].value, of: session, last: last) == nil)
            #expect(tokens.match(issued[1].value, of: session, last: last)?.age == Limits.pulseSecrets - 1)
        }
    }
}
