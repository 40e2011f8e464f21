/// One line of `p2p doctor` or `p2p check`: the subject, the result and the action to take.
struct Finding: Equatable, Codable, Sendable {
    enum Verdict: String, Codable, Sendable {
        case good
        /// Nothing is wrong, but a large or busy mesh would benefit from a change.
        case advice
        case problem
    }

    let verdict: Verdict
    /// A fixed word that names what was checked, such as `clock`.
    let subject: String
    let text: String
    /// The action to take; nil if there is none.
    let action: String?

    static func good(_ subject: String, _ text: String) -> Finding {
        Finding(verdict: .good, subject: subject, text: text, action: nil)
    }

    static func advice(_ subject: String, _ text: String, _ action: String) -> Finding {
        Finding(verdict: .advice, subject: subject, text: text, action: action)
    }

    static func problem(_ subject: String, _ text: String, _ action: String?) -> Finding {
        Finding(verdict: .problem, subject: subject, text: text, action: action)
    }

    /// Runs a check, which fails if `body` throws.
    ///
    /// - Parameters:
    ///   - body: Returns the value that was checked.
    ///   - describe: Returns the text of the finding if the check succeeds.
    /// - Returns: The finding, and the value if the check succeeds.
    static func checking<Value>(
        _ subject: String, _ body: () throws -> Value, describe: (Value) -> String
    ) -> (finding: Finding, value: Value?) {
        do {
            let value = try body()
            return (.good(subject, describe(value)), value)
        } catch let failure as Failure {
            return (.problem(subject, failure.message, failure.hint), nil)
        } catch {
            return (.problem(subject, String(describing: error), nil), nil)
        }
    }

    /// Returns advice if the system grants a smaller receive buffer than p2p requests; otherwise nil.
    static func receiveBuffer(_ granted: Int, of requested: Int) -> Finding? {
        guard granted < requested else { return nil }
        // This is advice and not a problem, because a small mesh does not need the larger buffer.
        return .advice(
            "buffer", "the system grants a receive buffer of \(granted) bytes, of \(requested) requested",
            "for a large mesh: sysctl -w net.core.rmem_max=\(requested)")
    }

    /// The finding as a line of text. The line begins with `ok`, `--` or `!`.
    var line: String {
        let mark =
            switch verdict {
            case .good: "ok  "
            case .advice: "--  "
            case .problem: "!   "
            }
        return mark + LogLine.harmless(text + (action.map { "; \($0)" } ?? ""))
    }
}
