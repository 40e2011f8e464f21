internal import SecureMeshCore
internal import Testing

@testable internal import SecureMesh

@Suite("Calls at a rate")
struct CallRhythmTests {
    @Test("an interval is a rate and not a pause: each call may take most of it, or be late")
    func rate() {
        var rhythm = CallRhythm(every: .milliseconds(5), from: at(0))
        var count = 0
        while rhythm.due < at(1_000) {
            count += 1
            rhythm.advance(now: rhythm.due + .milliseconds(4))
        }
        #expect(count == 199)
        // The calls that were missed during a call of 50 ms are made up for.
        rhythm.advance(now: at(1_050))
        #expect(rhythm.due == at(1_005))
    }

    @Test("a process that was stopped does not make up for all missed calls at once")
    func stopped() {
        var rhythm = CallRhythm(every: .milliseconds(5), from: at(0))
        rhythm.advance(now: at(60_000))
        #expect(rhythm.due == at(59_900))
    }
}
