internal import Synchronization

/// The hint that follows a message about wrong usage. It names the help of the command that the user called, such as
/// `p2p help check server`.
///
/// The words that name the command (`check server`) are stored when the process starts. So the code of a subcommand
/// need not know its parent commands.
enum HelpPointer {
    private static let words = Mutex<[String]>([])

    /// Stores the words that name the command that the user called, such as `check server`.
    static func set(_ command: [String]) {
        words.withLock { $0 = command }
    }

    static var hint: String { "see '\((["p2p", "help"] + words.withLock { $0 }).joined(separator: " "))'" }
}
