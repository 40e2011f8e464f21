internal import MeshSimulator

/// How far a simulation has come, on stderr: a line that renews itself on a terminal, one now and then elsewhere.
final class Ticker {
    private let begun = ContinuousClock.now
    private var shown: ContinuousClock.Instant
    private let isTerminal = FileSystem.isTerminal(FileSystem.standardError)
    private var isOpen = false

    init() {
        shown = begun
    }

    func show(_ progress: World.Progress) {
        let percent = progress.end > .zero ? min(Int(progress.at / progress.end * 100), 100) : 100
        show {
            "\(percent) %, \(progress.at.components.seconds) s of its time, \(progress.members) members, "
                + "\(progress.steps) steps"
        }
    }

    /// Each of them, and before it is played: should it end this very process, the seed is known.
    func show(_ seed: UInt64, of seeds: ClosedRange<UInt64>) {
        show(always: true) { "seed \(seed) of \(seeds.lowerBound) to \(seeds.upperBound)" }
    }

    func show(members: Int, of size: Int) {
        show { "a mesh of \(size), \(members) members" }
    }

    /// Leaves the terminal's line.
    func end() {
        if isOpen { Console.progress("", renews: true) }
        isOpen = false
    }

    private func show(always: Bool = false, _ text: () -> String) {
        let now = ContinuousClock.now
        guard always || now - shown > (isTerminal ? .milliseconds(200) : .seconds(10)) else { return }
        shown = now
        isOpen = isTerminal
        let seconds = (now - begun).components.seconds
        Console.progress("simulating: \(text()), \(seconds) s", renews: isTerminal)
    }
}
