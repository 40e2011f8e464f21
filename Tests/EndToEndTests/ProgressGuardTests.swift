import Testing

@testable import p2p

@Suite("progress and lines on one terminal") struct ProgressGuardTests {
    /// The texts of progress and of lines, in the order in which they are written.
    private final class Screen {
        var written: [String] = []
    }

    @Test("progress that another thread shows does not appear before the text of a line that is being printed")
    func betweenClearingAndWriting() {
        let progress = ProgressGuard()
        let screen = Screen()
        progress.show(clears: false) { screen.written.append("running") }
        #expect(progress.isOpen)
        #expect(progress.beginLine())
        screen.written.append("clear")
        progress.show(clears: false) { screen.written.append("running") }
        screen.written.append("ok")
        progress.endLine()
        #expect(!progress.isOpen)
        progress.show(clears: false) { screen.written.append("running") }
        #expect(screen.written == ["running", "clear", "ok", "running"])
    }

    @Test("progress that was cleared is not cleared again by the next line") func cleared() {
        let progress = ProgressGuard()
        progress.show(clears: false) {}
        progress.show(clears: true) {}
        #expect(!progress.beginLine())
        progress.endLine()
    }
}
