import SecureMesh
import Testing

/// Tests the pauses of a peer before it joins again (PROTOCOL.md, section 5.9).
@Suite("Rejoin backoff") struct RejoinBackoffTests {
    private func pauses(_ count: Int, seed: UInt64, gap: Duration = .zero, isMember: Bool = false) -> [Duration] {
        var random = RandomSource.seeded(seed)
        var backoff = RejoinBackoff()
        return (0..<count).map { index in
            let pause = backoff.next(random: &random, now: .after(gap * index))
            if isMember { backoff.connected(.after(gap * index)) }
            return pause
        }
    }

    @Test("the first join has no pause; the maximum of the next pauses is 2 s, and doubles up to 32 s")
    func doubling() {
        let longest: [Duration] = [
            .zero, .seconds(2), .seconds(4), .seconds(8), .seconds(16), .seconds(32), .seconds(32),
        ]
        let drawn = (0..<200).map { pauses(longest.count, seed: $0) }
        for (index, limit) in longest.enumerated() {
            let column = drawn.map { $0[index] }
            #expect(column.allSatisfy { $0 <= limit })
            // Every pause between zero and the longest one is equally likely.
            #expect(column.contains { $0 >= limit * 9 / 10 } && column.contains { $0 <= limit / 10 })
        }
    }

    @Test("a success that does not last does not end the backoff, and 30 s of calm do") func calm() {
        let restless = pauses(9, seed: 1, gap: ProtocolConstants.calm - .milliseconds(1), isMember: true)
        #expect(restless.dropFirst().allSatisfy { $0 > .zero })
        let calm = pauses(9, seed: 1, gap: ProtocolConstants.calm, isMember: true)
        #expect(calm.allSatisfy { $0 == .zero })
    }

    @Test("the backoff never overflows") func endless() {
        #expect(pauses(1_000, seed: 3).allSatisfy { $0 <= ProtocolConstants.longestRejoinPause })
    }
}
