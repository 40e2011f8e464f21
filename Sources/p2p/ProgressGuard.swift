internal import Synchronization

/// Keeps progress and other lines apart on the same terminal, even if several threads print them.
///
/// A line is printed in two steps: the terminal's current line is cleared, and then the text is written. If progress
/// appeared between these steps, the text would follow it on the same line. So progress is skipped while a line is
/// being printed.
final class ProgressGuard: Sendable {
    private struct State {
        /// True while the terminal's current line shows progress.
        var isOpen = false
        /// The number of lines that are being printed at this moment.
        var lines = 0
    }

    private let state = Mutex(State())

    /// True while the terminal's current line shows progress.
    var isOpen: Bool { state.withLock { $0.isOpen } }

    /// Calls `write`, unless a line is being printed.
    ///
    /// - Parameter clears: True if `write` only clears the progress from the terminal.
    func show(clears: Bool, write: () -> Void) {
        state.withLock { state in
            guard state.lines == 0 else { return }
            state.isOpen = !clears
            write()
        }
    }

    /// Notes that the caller begins to print a line. The caller then writes the line and calls `endLine`.
    ///
    /// - Returns: True if the terminal's current line shows progress. In this case, the caller clears that line before
    ///   it writes.
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
