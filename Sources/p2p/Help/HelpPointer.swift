internal import Synchronization

/// The hint after wrong usage, which names the help of the command that the user called.
///
/// The words of this command are stored when the process starts, so the code of a subcommand need not know its parent
/// commands.
enum HelpPointer {
    private static let words = Mutex<[String]>([])

    /// Stores the words of the command that the user called, such as `check server`.
    static func set(_ command: [String]) {
        words.withLock { $0 = command }
    }

    static var hint: String { "see '\((["p2p", "help"] + words.withLock { $0 }).joined(separator: " "))'" }
}
