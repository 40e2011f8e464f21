import SecureMesh
import SelfTest
import Testing

@Suite("Random sources")
struct RandomSourceTests {
    @Test("a seed gives the sequence of SplitMix64")
    func knownAnswers() {
        var random = RandomSource.seeded(1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        #expect(expected.map { _ in random.next() } == expected)
    }

    @Test("one seed gives the same secrets, ids and bytes twice; the system's source does not")
    func repeatable() {
        var (first, second) = (RandomSource.seeded(7), RandomSource.seeded(7))
        #expect(first.secret().array == second.secret().array)
        #expect(first.bytes16() == second.bytes16())
        #expect(first.sessionID { _ in false } == second.sessionID { _ in false })
        var (system, again) = (RandomSource.system, RandomSource.system)
        #expect(system.next() != again.next())
        #expect(system.secret().array != again.secret().array)
        #expect(system.bytes32() != system.bytes32())
    }

    @Test("a new session id is never one that is taken")
    func sessionIDs() throws {
        var probe = RandomSource.seeded(7)
        let taken = [try Fixture.session(probe.next()), try Fixture.session(probe.next())]
        var random = RandomSource.seeded(7)
        #expect(!taken.contains(random.sessionID { taken.contains($0) }))
    }

    @Test("jitter adds at most a quarter of the duration", arguments: Seeds.few)
    func jitter(seed: UInt64) {
        var random = RandomSource.seeded(seed)
        for duration in [Duration.zero, .nanoseconds(1), .milliseconds(500), .seconds(8)] {
            for _ in 0..<50 {
                let jittered = random.jittered(duration)
                #expect(jittered >= duration && jittered <= duration + duration / 4)
            }
        }
    }
}
