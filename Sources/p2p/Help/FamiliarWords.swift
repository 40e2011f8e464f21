/// Words that are commands of similar tools, such as serf, tailscale and wg, but not of `p2p`.
enum FamiliarWords {
    /// Returns the command of `p2p` that does what a user of similar tools expects of `word`; nil if there is none.
    static func command(for word: String) -> String? {
        switch word {
        case "start", "run", "agent", "daemon", "serve": "server"
        case "up", "join", "connect": "peer"
        case "members", "peers", "list", "ls", "info", "show": "status"
        case "monitor", "events", "log", "logs": "watch"
        case "genkey", "generate", "init": "keygen"
        case "event", "message", "msg", "broadcast": "send"
        case "add", "allow", "accept", "approve": "authorize"
        case "remove", "rm", "deny", "ban", "kick": "revoke"
        case "version": "--version"
        default: nil
        }
    }

    /// Returns true if a user of similar tools expects that `word` ends a running process. No command of `p2p` does.
    static func endsProcess(_ word: String) -> Bool { ["stop", "quit", "kill", "down", "leave"].contains(word) }
}
