internal import ArgumentParser

/// The first words of the command line, which name a command.
struct CommandWords {
    /// The words that name the command, without `p2p`.
    private(set) var command: [String] = []
    private(set) var type: any ParsableCommand.Type
    /// The first word that should name a subcommand and does not; nil if there is none.
    private(set) var unknown: String?
    /// True if the first word is `help`, as in `p2p help server`.
    private(set) var isHelp = false

    init(_ arguments: [String], root: any ParsableCommand.Type) {
        type = root
        var rest = arguments[...]
        if rest.first == "help" {
            isHelp = true
            rest = rest.dropFirst()
        }
        while let word = rest.popFirst() {
            let subcommands = type.configuration.subcommands
            guard !subcommands.isEmpty, !word.hasPrefix("-") else { return }
            guard let next = subcommands.first(where: { $0.configuration.commandName == word }) else {
                if word != "help" { unknown = word }
                return
            }
            command.append(word)
            type = next
        }
    }

    /// Returns true if the command needs a subcommand, and the command line ends after the words of the command.
    func isIncomplete(_ arguments: [String]) -> Bool {
        !isHelp && !type.configuration.subcommands.isEmpty && arguments.count == command.count
    }

    /// The failure that reports the unknown word, with a hint to the command or the help topic that was probably meant;
    /// nil if every word is known.
    var failure: Failure? {
        guard let unknown else { return nil }
        let names = type.configuration.subcommands.compactMap { $0.configuration.commandName }
        let known = names + (isHelp && command.isEmpty ? HelpTopic.allCases.map(\.rawValue) : ["help"])
        let path = (["p2p"] + (isHelp ? ["help"] : []) + command).joined(separator: " ")
        let list = (["p2p", "help"] + command).joined(separator: " ")
        let familiar = command.isEmpty ? FamiliarWords.command(for: unknown) : nil
        let meant = (familiar ?? NearMiss.best(of: known, for: unknown)).map { "did you mean '\(path) \($0)'?" }
        let ending = "a server or a peer ends on Ctrl-C or SIGTERM: see 'p2p help signals'"
        return Failure(
            .usage,
            "'\(Console.escaped(unknown))' is no command" + (isHelp ? " and no topic of the help" : ""),
            hint: command.isEmpty && FamiliarWords.endsProcess(unknown) ? ending : meant ?? "'\(list)' lists them")
    }
}
