/// The fault in one line of a roster's text. The error contains none of the line's text.
public struct RosterError: Error, Hashable, Sendable {
    /// The kinds of faults.
    @nonexhaustive
    public enum Problem: Hashable, Sendable {
        /// The line is not UTF-8.
        case notText
        /// The line has a control character other than a tab. Lines end with LF or CR LF.
        case controlCharacter
        /// The line has fewer than two fields. It needs a name and a key, separated by blanks.
        case notTwoFields
        /// The first field is not a valid name.
        case invalidName
        /// The second field is not the text of a public key.
        case invalidKey(KeyTextError)
        /// A field after the key is neither `until=` nor `revoked=` with a time, or an option occurs twice.
        case invalidOption
        /// The value of an option is neither a date nor a time by RFC 3339.
        case invalidTime
        /// An earlier line lists the same key.
        case repeatedKey(line: Int)
        /// An earlier line lists another key under the same name, and neither key is revoked or expires.
        case repeatedName(line: Int)
    }

    /// The number of the line, counted from 1.
    public let line: Int
    /// The kind of fault.
    public let problem: Problem

    /// Makes an error. Only tests of programs that handle this error need this.
    public init(line: Int, problem: Problem) {
        self.line = line
        self.problem = problem
    }
}
