internal import Synchronization

/// The help that a failure for wrong usage points to.
///
/// The words are noted at the start, so that no command needs to know the others.
enum HelpPointer {
    private static let words = Mutex<[String]>([])

    /// Sets the words of the command on the command line, such as `check server`.
    static func set(_ command: [String]) {
        words.withLock { $0 = command }
    }

    static var hint: String { "see '\((["p2p", "help"] + words.withLock { $0 }).joined(separator: " "))'" }
}
