internal import Synchronization

/// Keeps the line of progress apart from other lines on the same terminal, whichever threads print them.
///
/// A line is printed in two steps: the terminal's line is cleared, and the line is written. Progress that appeared
/// between the two steps would be on the same line as the text. So progress is skipped meanwhile.
final class ProgressGuard: Sendable {
    private struct State {
        /// True while the terminal's current line shows progress.
        var isOpen = false
        /// The number of lines that are being printed.
        var lines = 0
    }

    private let state = Mutex(State())

    /// True while the terminal's current line shows progress.
    var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Writes progress, unless a line is being printed.
    ///
    /// - Parameter clears: True if `write` clears the line and shows nothing.
    func show(clears: Bool, write: () -> Void) {
        state.withLock { state in
            guard state.lines == 0 else { return }
            state.isOpen = !clears
            write()
        }
    }

    /// Begins to print a line. The caller clears the terminal's line if it shows progress, writes the line and calls
    /// `endLine`.
    ///
    /// - Returns: True if the terminal's current line shows progress.
    func beginLine() -> Bool {
        state.withLock { state in
            defer { state.isOpen = false }
            state.lines += 1
            return state.isOpen
        }
    }

    func endLine() {
        state.withLock { $0.lines -= 1 }
    }
}
