internal import MeshReport
internal import MeshSimulator

/// Shows the progress of long work on stderr. If stderr is a terminal that can overwrite a line, shows the progress in
/// a single line. Otherwise prints a new line every 10 seconds.
final class ProgressLine {
    private let activity: String
    private let start = ContinuousClock.now
    private var lastShown: ContinuousClock.Instant
    private let replacesLine = Terminal.canReplaceLine(FileSystem.standardError)
    private var isOpen = false

    /// - Parameter activity: The word with which the line begins.
    init(_ activity: String = "simulating") {
        self.activity = activity
        lastShown = start
    }

    func show(_ progress: World.Progress) {
        let percent = progress.end > .zero ? min(Int(progress.at / progress.end * 100), 100) : 100
        show {
            "\(percent) %, \(progress.at.components.seconds) s of virtual time, \(progress.members) members, "
                + "\(progress.steps) steps"
        }
    }

    /// Shows a seed before its world is played. So the user knows the seed even if the simulation crashes the process.
    func show(_ seed: UInt64, of seeds: ClosedRange<UInt64>) {
        show(always: true) { "seed \(seed) of \(seeds.lowerBound) to \(seeds.upperBound)" }
    }

    func show(members: Int, of size: Int) {
        show { "a mesh of \(size), \(members) members" }
    }

    func show(_ report: SwarmReport) {
        show { report.progress }
    }

    /// Shows the elapsed time until the task is canceled. This is for work whose duration is unknown.
    func showTime() async {
        while !Task.isCancelled {
            show { "running" }
            try? await Task.sleep(for: .milliseconds(200))
        }
        end()
    }

    /// Clears the progress from the terminal.
    func end() {
        if isOpen { Console.progress("", replacesLine: true) }
        isOpen = false
    }

    private func show(always: Bool = false, _ text: () -> String) {
        let now = ContinuousClock.now
        guard always || now - lastShown > (replacesLine ? .milliseconds(200) : .seconds(10)) else { return }
        lastShown = now
        isOpen = replacesLine
        let seconds = (now - start).components.seconds
        Console.progress("\(activity): \(text()), \(seconds) s", replacesLine: replacesLine)
    }
}
