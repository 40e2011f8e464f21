internal import SecureMesh
internal import Synchronization

/// Prints a warning before a key of the list of peers expires.
final class ExpiryWatch: Sendable {
    private struct State {
        var roster: Roster
        /// For each key, the expiry time and the notice period (in seconds) at the last check; no value if no notice
        /// period had begun. If the clock is set back, the notice period can become longer, and later warnings then
        /// repeat.
        var warned: [PublicKey: (end: UnixTime, notice: Int64)] = [:]
    }

    private let state: Mutex<State>

    init(_ roster: Roster) {
        state = Mutex(State(roster: roster))
    }

    /// Replaces the list of peers whose keys are watched.
    func replace(_ roster: Roster) {
        state.withLock { $0.roster = roster }
    }

    /// Returns the warnings that are due and have not been returned before. Each key causes three warnings: two weeks,
    /// one day and one hour before it expires.
    func warnings(at now: UnixTime) -> [String] {
        state.withLock { state in
            state.roster.expiries.compactMap { key, end -> String? in
                let rest = end.seconds - now.seconds
                guard let name = state.roster.authorized[key], rest > 0 else { return nil }
                guard let notice = Self.notices.last(where: { rest <= $0 }) else {
                    state.warned[key] = nil
                    return nil
                }
                let last = state.warned[key]
                state.warned[key] = (end, notice)
                if let last, last.end == end, last.notice <= notice { return nil }
                return "the key of \(name) may not join from \(end) on"
            }.sorted()
        }
    }

    /// Prints each warning when it is due, until the task is canceled.
    func run() async {
        repeat {
            for warning in warnings(at: .now) {
                Console.warning(warning, hint: "'p2p authorize NAME KEY --until TIME' sets another end")
            }
        } while (try? await Task.sleep(for: .seconds(60))) != nil
    }

    /// The notice periods in seconds. A warning is due two weeks, one day and one hour before a key expires.
    private static let notices: [Int64] = [14 * 86_400, 86_400, 3_600]
}
