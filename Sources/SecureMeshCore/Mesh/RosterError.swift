/// The fault in one line of a roster's text. It contains nothing of the line itself.
public struct RosterError: Error, Hashable, Sendable {
    public enum Problem: Hashable, Sendable {
        /// The line is not a name and a key, separated by blanks.
        case notTwoFields
        case invalidName
        case invalidKey(KeyTextError)
        /// The key is listed already.
        case repeatedKey(line: Int)
    }

    /// The number of the line, from 1.
    public let line: Int
    public let problem: Problem
}
