import MeshSimulator
import SecureMeshCore
import Testing

@Suite struct DistributionTests {
    @Test func `quantiles are exact to three percent`() {
        var random = RandomSource.seeded(7)
        var distribution = Distribution()
        var all: [Duration] = []
        for _ in 0..<5_000 {
            let duration = Duration.nanoseconds(Int64(random.below(1 << (1 + random.below(40)))))
            distribution.add(duration)
            all.append(duration)
        }
        all.sort()
        for (fraction, rank) in [(0.5, 2_499), (0.9, 4_499), (0.99, 4_949)] {
            let (exact, told) = (all[rank], distribution.quantile(fraction))
            #expect(told >= exact && told <= exact + exact / 32 + .nanoseconds(1))
        }
        #expect(distribution.minimum == all.first)
        #expect(distribution.maximum == all.last)
        #expect(distribution.count == 5_000)
        #expect(distribution.nonEmpty.reduce(0) { $0 + $1.count } == 5_000)
    }

    @Test func `the sum of two distributions is that of all samples`() {
        var (left, right, both) = (Distribution(), Distribution(), Distribution())
        for milliseconds in 0..<100 {
            let duration = Duration.milliseconds(milliseconds)
            if milliseconds % 3 == 0 { left.add(duration) } else { right.add(duration) }
            both.add(duration)
        }
        left.add(right)
        #expect(left.nonEmpty.map(\.count) == both.nonEmpty.map(\.count))
        #expect(left.mean == both.mean)
        #expect(left.maximum == both.maximum)
        #expect(left.minimum == both.minimum)
    }

    @Test func `the quantiles of an empty distribution are zero`() {
        #expect(Distribution().quantile(0.5) == .zero)
        #expect(Distribution().mean == .zero)
    }
}
