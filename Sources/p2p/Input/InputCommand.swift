internal import ArgumentParser
internal import SecureMesh

/// A command that a peer reads from standard input.
enum InputCommand: Equatable {
    /// The reason why an input line is not a valid command, as one line of text.
    struct Mistake: Error, Equatable {
        let message: String
    }

    case connect
    case disconnect
    case broadcastOn
    case broadcastOff
    case broadcastEvery(Duration)
    case send(PeerName, String)
    case all(String)
    case ping(PeerName)
    case peers
    case status
    case help
    case quit

    /// The syntax and the meaning of each command.
    static let list: [(synopsis: String, meaning: String)] = [
        ("connect", "join the mesh again"),
        ("disconnect", "leave the mesh; the process stays"),
        ("broadcast on|off|INTERVAL", "begin or end broadcasts, or change their interval"),
        ("send NAME TEXT", "send a text to a member, and wait until it has it"),
        ("all TEXT", "send a text to all other members, and wait until they have it"),
        ("ping NAME", "measure the round trip to a member"),
        ("peers", "list the other members: name, address, key"),
        ("status", "show the state of this peer"),
        ("help", "list the commands"),
        ("quit", "leave the mesh and exit"),
    ]

    private static let words = list.map { String($0.synopsis.prefix { $0 != " " }) }

    /// Parses a line of input.
    ///
    /// - Returns: The command; nil if the line is blank.
    /// - Throws: The mistake, if the line is not a valid command.
    static func parse(_ line: String) throws(Mistake) -> InputCommand? {
        let (word, rest) = split(line[...])
        switch word {
        case "": return nil
        case "connect": return try bare(.connect, rest)
        case "disconnect": return try bare(.disconnect, rest)
        case "broadcast": return try broadcast(rest)
        case "send":
            let (name, text) = split(rest)
            guard !name.isEmpty, !text.isEmpty else { throw usage("send") }
            return .send(try self.name(name), String(text))
        case "all":
            guard !rest.isEmpty else { throw usage("all") }
            return .all(String(rest))
        case "ping":
            let (name, more) = split(rest)
            guard !name.isEmpty, more.isEmpty else { throw usage("ping") }
            return .ping(try self.name(name))
        case "peers": return try bare(.peers, rest)
        case "status": return try bare(.status, rest)
        case "help": return try bare(.help, rest)
        case "quit": return try bare(.quit, rest)
        default:
            let suggestion = suggestion(of: words, for: word, or: "see 'help'")
            throw Mistake(message: "unknown command \(quoted(word))\(suggestion)")
        }
    }

    /// Returns the end of an error message. It suggests the word of `words` that is most similar to `given`. If no word
    /// is similar, the result is `other`, or empty if `other` is nil.
    static func suggestion(of words: [String], for given: some StringProtocol, or other: String? = nil) -> String {
        let given = String(given.lowercased().prefix(mostQuoted))
        if let best = NearMiss.best(of: words, for: given) { return "; did you mean '\(best)'?" }
        return other.map { "; \($0)" } ?? ""
    }

    private static func broadcast(_ rest: Substring) throws(Mistake) -> InputCommand {
        switch rest {
        case "": throw usage("broadcast")
        case "on": return .broadcastOn
        case "off": return .broadcastOff
        default:
            do {
                return .broadcastEvery(try Parse.interval(String(rest)))
            } catch {
                let reason = (error as? ValidationError)?.message ?? "no interval"
                throw Mistake(message: reason + suggestion(of: ["off", "on"], for: rest))
            }
        }
    }

    private static func name(_ word: Substring) throws(Mistake) -> PeerName {
        do {
            return try PeerName(String(word))
        } catch {
            throw Mistake(message: "\(quoted(word)) is no name: 1 to 32 characters of A-Z a-z 0-9 . _ -")
        }
    }

    private static func bare(_ command: InputCommand, _ rest: Substring) throws(Mistake) -> InputCommand {
        guard rest.isEmpty else { throw Mistake(message: "'\(command)' takes no argument") }
        return command
    }

    private static func usage(_ word: String) -> Mistake {
        Mistake(message: "usage: " + (list.map(\.synopsis).first { $0.hasPrefix(word) } ?? word))
    }

    /// Returns the first word of the text, and the text after the space or tab that follows the word.
    private static func split(_ text: Substring) -> (word: Substring, rest: Substring) {
        let text = text.drop(while: isBlank)
        let word = text.prefix { !isBlank($0) }
        return (word, text[word.endIndex...].dropFirst())
    }

    private static func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }

    private static func quoted(_ word: Substring) -> String {
        "'\(Console.escaped(String(word.prefix(mostQuoted))))\(word.count > mostQuoted ? "…" : "")'"
    }

    /// A message quotes at most this number of characters of an input word.
    private static let mostQuoted = 32
}
