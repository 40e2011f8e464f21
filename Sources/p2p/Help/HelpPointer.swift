internal import Synchronization

/// The hint of a failure for wrong usage, which names the help of the command.
///
/// The words of the command are stored when the process starts, so that a command need not know its own place among the
/// commands.
enum HelpPointer {
    private static let words = Mutex<[String]>([])

    /// Sets the words of the command on the command line, such as `check server`.
    static func set(_ command: [String]) {
        words.withLock { $0 = command }
    }

    static var hint: String { "see '\((["p2p", "help"] + words.withLock { $0 }).joined(separator: " "))'" }
}
