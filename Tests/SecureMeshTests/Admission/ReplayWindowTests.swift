import SecureMesh
import SelfTest
import Testing

@Suite("Replay window")
struct ReplayWindowTests {
    @Test("a counter is accepted once, in any order")
    func once() {
        var window = ReplayWindow()
        for counter in [1, 3, 2, 10, 4] as [UInt64] {
            #expect(window.refusal(of: counter) == nil)
            window.accept(counter)
            #expect(window.refusal(of: counter) == .counterReplayed)
        }
        #expect(window.refusal(of: 5) == nil)
    }

    @Test("refusal(of:) changes nothing")
    func lookingIsFree() {
        var window = ReplayWindow()
        window.accept(5)
        let before = window
        for counter in [0, 1, 5, 6, 5_000, UInt64.max] { _ = window.refusal(of: counter) }
        #expect(window == before)
    }

    /// Pairs: the distance of a counter behind the newest one, and the reason for its refusal; nil if it is accepted.
    static let edges: [(UInt64, Rejection?)] = [
        (0, .counterReplayed), (1, nil), (63, nil), (64, nil), (65, nil), (2_046, nil), (2_047, nil),
        (2_048, .counterTooOld), (2_049, .counterTooOld), (4_000, .counterTooOld),
    ]

    @Test(
        "2,047 behind the newest is accepted once, 2,048 is not",
        arguments: [5_000, 6_400, 6_463, 1 << 32, ProtocolConstants.counterLimit - 1] as [UInt64])
    func atTheEdges(_ newest: UInt64) {
        for (behind, expected) in Self.edges {
            var window = ReplayWindow()
            window.accept(newest)
            let counter = newest - behind
            #expect(window.refusal(of: counter) == expected, "\(behind) behind")
            guard expected == nil else { continue }
            window.accept(counter)
            #expect(window.refusal(of: counter) == .counterReplayed)
            // Accepting `counter` has not marked the next counter as used.
            #expect(window.refusal(of: counter + 1) == (behind == 1 ? .counterReplayed : nil))
        }
    }

    @Test("a jump ahead drops old counters and marks none that was not accepted")
    func jumps() {
        for jump in [1, 63, 64, 65, 2_047, 2_048, 2_049, 2_111, 2_112, 2_113, 10_000] as [UInt64] {
            var window = ReplayWindow()
            for counter in UInt64(1)...3_000 { window.accept(counter) }
            let newest = 3_000 + jump
            window.accept(newest)
            for behind in UInt64(1)..<2_048 {
                let counter = newest - behind
                #expect(window.refusal(of: counter) == (counter <= 3_000 ? .counterReplayed : nil), "\(jump)")
            }
            #expect(window.refusal(of: newest - 2_048) == .counterTooOld)
        }
    }

    @Test("the smallest and largest counters do not trap")
    func extremes() {
        var window = ReplayWindow()
        window.accept(1)
        window.accept(.max)
        #expect(window.refusal(of: .max) == .counterReplayed)
        #expect(window.refusal(of: .max - 2_047) == nil)
        #expect(window.refusal(of: 1) == .counterTooOld)
        #expect(window.refusal(of: 0) == .counterTooOld)
    }

    /// A slow model of the replay window. It stores all accepted counters in a set.
    private struct SlowWindow {
        var accepted: Set<UInt64> = []
        var newest: UInt64 = 0

        func refusal(of counter: UInt64) -> Rejection? {
            if counter > newest { return nil }
            if newest - counter >= 2_048 { return .counterTooOld }
            return accepted.contains(counter) ? .counterReplayed : nil
        }

        mutating func accept(_ counter: UInt64) {
            accepted.insert(counter)
            newest = max(newest, counter)
        }
    }

    @Test("the window agrees with a set of all accepted counters", arguments: Seeds.few)
    func againstModel(seed: UInt64) {
        var random = RandomPayloads(seed: seed)
        var window = ReplayWindow()
        var model = SlowWindow()
        var refused = 0
        for step in 0..<4_000 {
            let counter: UInt64 =
                switch random.below(100) {
                case 0: model.newest + random.below(5_000)
                case 1...30: model.newest + 1
                case 31...35: model.newest + random.below(70)
                case 36...70: model.newest - min(model.newest, random.below(80))
                default: model.newest - min(model.newest, random.below(2_100))
                }
            let expected = model.refusal(of: counter)
            #expect(window.refusal(of: counter) == expected, "step \(step), counter \(counter)")
            guard expected == nil else {
                refused += 1
                continue
            }
            window.accept(counter)
            model.accept(counter)
        }
        #expect(refused > 300)
    }
}
