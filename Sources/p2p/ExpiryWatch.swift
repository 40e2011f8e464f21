internal import SecureMesh
internal import Synchronization

/// Warns of keys that will expire soon.
final class ExpiryWatch: Sendable {
    private struct State {
        var roster: Roster
        /// For each key, the end that its last warning was about, and the notice period of that warning. The period can
        /// grow again if the clock is set back.
        var warned: [PublicKey: (end: UnixTime, notice: Int64)] = [:]
    }

    private let state: Mutex<State>

    init(_ roster: Roster) {
        state = Mutex(State(roster: roster))
    }

    /// Replaces the list of peers.
    func replace(_ roster: Roster) {
        state.withLock { $0.roster = roster }
    }

    /// Returns the warnings that are due. A key has one warning two weeks before its end, one a day before it, and one
    /// an hour before it.
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

    /// Prints warnings until the task is canceled.
    func run() async {
        repeat {
            for warning in warnings(at: .now) {
                Console.warning(warning, hint: "'p2p authorize NAME KEY --until TIME' sets another end")
            }
        } while (try? await Task.sleep(for: .seconds(60))) != nil
    }

    /// The times before the end of a key at which a warning is due: two weeks, a day and an hour, in seconds.
    private static let notices: [Int64] = [14 * 86_400, 86_400, 3_600]
}
