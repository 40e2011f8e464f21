internal import SecureMesh
internal import Synchronization

/// Prints a warning before a key of the list of peers expires.
final class ExpiryWatch: Sendable {
    private struct State {
        var roster: Roster
        /// The state of each key at the last check: its expiry time, and the shortest notice period in which the key
        /// was, in seconds. There is no value for a key that was in no notice period.
        ///
        /// If the clock is set back, the key can be in a longer notice period again. Then the warnings for the shorter
        /// periods are repeated.
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

    /// Returns the warnings that are due and have not been returned before. A warning for a key is due two weeks, one
    /// day and one hour before the key expires. If several of them have become due since the last check, only one is
    /// returned.
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
