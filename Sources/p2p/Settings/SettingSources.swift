internal import ArgumentParser
internal import SecureMesh

/// The values of a command's settings, and the source of each value. If several sources give a setting, the first of
/// these counts: the command line, the environment, the settings file, the default.
///
/// Values from the environment and the file are added to the command line as arguments, so that one parser checks all
/// values. Before that, each added value is parsed separately, so that an error names its variable, or its file, line
/// and column.
struct SettingSources {
    enum Origin: Equatable {
        case commandLine
        case environment(String)
        case file(String, SettingsFile.Position)
        case standard

        var description: String {
            switch self {
            case .commandLine: "command line"
            case .environment(let name): "$\(name)"
            case .file(let path, let position): "\(path):\(position.line)"
            case .standard: "default"
            }
        }
    }

    struct Resolved: Equatable {
        let name: String
        /// The values as command-line arguments. Empty for a flag that is not set. Also empty for a setting that has no
        /// value from any source, if its default is not known as text.
        var values: [String]
        var origin: Origin
    }

    /// The arguments of the command line, together with the values of the environment and the settings file.
    private(set) var arguments: [String]
    private(set) var settings: [Resolved] = []
    /// The path of the settings file; nil if no file is used.
    private(set) var file: String?

    /// A command that has settings.
    private struct Command {
        /// The words that name the command on the command line.
        let words: [String]
        /// The table of the settings file.
        let table: String
        let type: any ParsableCommand.Type
        /// Valid arguments without which the parser refuses the command.
        var required: [String] = []
        /// The names of the settings; nil if all options and arguments are settings.
        var names: Set<String>?
        /// The option without which the command has no settings; nil if there is none.
        var option: String?

        func has(_ setting: Setting) -> Bool { names?.contains(setting.name) ?? true }

        func isNamed(by arguments: [String]) -> Bool {
            guard arguments.starts(with: words) else { return false }
            guard let option else { return true }
            return arguments.prefix { $0 != "--" }.contains { $0 == option || $0.hasPrefix(option + "=") }
        }
    }

    private static let commands = [
        Command(words: ["server"], table: "server", type: ServerCommand.self),
        Command(words: ["peer"], table: "peer", type: PeerCommand.self, required: ["A", "1"]),
        Command(words: ["check", "server"], table: "server", type: CheckServer.self),
        Command(words: ["check", "peer"], table: "peer", type: CheckPeer.self, required: ["A", "1"]),
        // With --as, this command joins a mesh as `p2p peer` does, and finds its server and keys in the same places.
        Command(
            words: ["send"], table: "peer", type: SendCommand.self, required: ["A", "--as=A"],
            names: ["server", "server-key", "keys", "passphrase-file", "group-readable-key"], option: "--as"),
    ]

    /// Resolves the settings of the command that a command line names.
    ///
    /// If there is neither a settings file nor a variable, `settings` stays empty. To list all settings would cost each
    /// server and peer a megabyte of memory.
    ///
    /// - Parameters:
    ///   - given: The arguments after the name of the program. If the command has no settings, or if the user asks for
    ///     help, `arguments` equals `given`.
    ///   - listsAll: True to fill `settings` even if there is neither a settings file nor a variable.
    /// - Throws: `Failure` with exit code 78 if the settings file cannot be read, or if a value in the settings file or
    ///   in a variable is wrong.
    init(
        _ given: [String], environment: Environment = .ofProcess, listsAll: Bool = false
    ) throws {
        arguments = given
        guard let command = Self.commands.first(where: { $0.isNamed(by: given) }),
            listsAll || Self.hasSource(given, environment)
        else { return }
        let (words, rest) = (Array(given.prefix(command.words.count)), Array(given.dropFirst(command.words.count)))
        guard !rest.contains(where: { ["-h", "--help", "--version", "--experimental-dump-help"].contains($0) })
        else { return }
        let all = try Setting.all(of: command.type, except: ["show-origin"])
        let line = CommandLineUse(rest, settings: all)
        let variable = environment.value("P2P_CONFIG").flatMap { $0.isEmpty ? nil : $0 }
        let content = environment.readsFile ? try Self.read(line.config ?? variable, for: command) : nil
        file = content?.path
        let entries = try content.map { try Self.entries(of: $0, for: command.table, all) } ?? [:]
        var added: [String] = []
        var positionals: [String] = []
        var positional = 0
        for setting in all where command.has(setting) {
            var resolved = Resolved(name: setting.name, values: setting.standard.map { [$0] } ?? [], origin: .standard)
            if let entry = entries[setting.name], let content {
                resolved.values = try Self.values(of: entry, for: setting, in: content)
                resolved.origin = .file(content.path, entry.position)
                try Self.check(setting, resolved, command) { content.failure($0, at: entry.value.position) }
            }
            if let text = environment.value(setting.variable), !text.isEmpty {
                resolved.values = try Self.values(of: text, for: setting)
                resolved.origin = .environment(setting.variable)
                try Self.check(setting, resolved, command) { message in
                    Failure(.configuration, "$\(setting.variable): \(message)", hint: HelpPointer.hint)
                }
            }
            if setting.kind == .positional {
                if positional < line.positionals.count {
                    (resolved.values, resolved.origin) = ([line.positionals[positional]], .commandLine)
                } else if resolved.origin != .standard {
                    positionals += resolved.values
                }
                positional += 1
            } else if let values = line.options[setting.name] {
                (resolved.values, resolved.origin) = (values, .commandLine)
            } else if resolved.origin != .standard, resolved.origin != .environment("P2P_KEYS") {
                // The value of P2P_KEYS is not added, because `KeyStore` reads the variable itself. So its hints need
                // not repeat the folder.
                added += resolved.values.map { setting.kind == .flag ? "--\(setting.name)" : "--\(setting.name)=\($0)" }
            }
            settings.append(resolved)
        }
        arguments = words + added + rest + positionals
    }

    /// Returns true if a settings file or a `P2P_` variable may give a setting a value.
    private static func hasSource(_ given: [String], _ environment: Environment) -> Bool {
        environment.readsFile
            && (given.contains { $0 == "--config" || $0.hasPrefix("--config=") } || hasUsualFile)
            || environment.names().contains { $0.hasPrefix("P2P_") && !readElsewhere.contains($0) }
    }

    /// The variables that other code reads itself, because they also affect commands without settings. `hasSource`
    /// ignores them.
    private static let readElsewhere = ["P2P_KEYS", "P2P_PASSPHRASE_FILE", "P2P_SOCKETS"]

    private static let usualFile = "p2p.toml"

    /// True if the working folder has a file `p2p.toml`, or a link of this name whose target is missing. Such a link
    /// causes an error. If it were ignored, a process would run with other settings than the user intended.
    private static var hasUsualFile: Bool { FileSystem.exists(usualFile) || FileSystem.isLink(usualFile) }

    private static func read(_ given: String?, for command: Command) throws -> SettingsFile? {
        let option = command.names == nil ? "--config or " : ""
        try Parse.checkPath(given, "--config")
        let path = given ?? usualFile
        guard given != nil || hasUsualFile else { return nil }
        let text: String
        do {
            guard let read = String(validating: try KeyFile.content(of: path, limit: 1 << 20), as: UTF8.self) else {
                throw Failure(
                    .configuration, "\(path): not UTF-8 text", hint: "save the file as UTF-8, without other changes")
            }
            text = read
        } catch let error as KeyFileError {
            let failure = KeyStore.failure(error, hint: nil)
            throw Failure(
                .configuration, "cannot read the settings file: \(failure.message)",
                hint: error.reason != .missing
                    ? failure.hint
                    : FileSystem.isLink(path)
                        ? "the link leads to no file: mend it, or remove it"
                        : "give its path with \(option)P2P_CONFIG")
        }
        return try SettingsFile(text, path: path)
    }

    /// Returns the entries of a settings file that apply to a command, by their names. They are the entries in the
    /// command's table, and the entries before the first table.
    ///
    /// - Throws: `Failure` if the name of a table is no command with settings, or if a key is no setting.
    private static func entries(
        of file: SettingsFile, for table: String, _ settings: [Setting]
    ) throws -> [String: SettingsFile.Entry] {
        let known = try ["server", "peer"].map { name in
            let type = commands.first { $0.words == [name] }?.type
            return (name, try type.map { try Setting.all(of: $0).map(\.name) } ?? [])
        }
        for table in file.tables where !known.contains(where: { $0.0 == table.name }) {
            throw file.failure(
                "there is no table [\(table.name)]", at: table.position,
                hint: suggestion(table.name, among: known.map(\.0)) ?? "the tables are [server] and [peer]")
        }
        var entries: [String: SettingsFile.Entry] = [:]
        for entry in file.entries {
            let names = known.filter { entry.table == nil || $0.0 == entry.table }.flatMap(\.1)
            guard names.contains(entry.key) else {
                let place = entry.table.map { " of p2p \($0)" } ?? ""
                throw file.failure(
                    "\(entry.key) is no setting\(place)", at: entry.position,
                    hint: suggestion(entry.key, among: names)
                        ?? "the settings are the options of 'p2p help \(entry.table ?? table)', without --")
            }
            if entry.table == table || entry.table == nil && entries[entry.key] == nil {
                guard settings.contains(where: { $0.name == entry.key }) else { continue }
                entries[entry.key] = entry
            }
        }
        return entries
    }

    private static func suggestion(_ name: String, among names: [String]) -> String? {
        NearMiss.best(of: names, for: name).map { "did you mean \($0)?" }
    }

    /// Returns the values of an entry of a settings file as command-line arguments. A relative path is resolved against
    /// the folder of the settings file.
    private static func values(
        of entry: SettingsFile.Entry, for setting: Setting, in file: SettingsFile
    ) throws(Failure) -> [String] {
        switch (setting.kind, entry.value.content) {
        case (.flag, .boolean(let isSet)): return isSet ? ["true"] : []
        case (.flag, _): throw file.failure("\(setting.name) is true or false", at: entry.value.position)
        case (_, .array(let values)):
            guard setting.isRepeatable else {
                throw file.failure("\(setting.name) has one value", at: entry.value.position)
            }
            var texts: [String] = []
            for value in values { texts.append(try text(of: value, for: setting, in: file)) }
            return texts
        default: return [try text(of: entry.value, for: setting, in: file)]
        }
    }

    private static func text(
        of value: SettingsFile.Value, for setting: Setting, in file: SettingsFile
    ) throws(Failure) -> String {
        switch value.content {
        case .integer(let number): return String(number)
        case .string(let text):
            guard !setting.isPath || !text.isEmpty else {
                throw file.failure("\(setting.name) is an empty path", at: value.position)
            }
            guard setting.isPath, !text.hasPrefix("/"), !text.hasPrefix("p2ppub1_"), text != "off",
                let slash = file.path.lastIndex(of: "/")
            else { return text }
            return file.path[...slash] + text
        case .boolean, .array: throw file.failure("\(setting.name) is a text or a number", at: value.position)
        }
    }

    /// Returns the values of an environment variable as arguments. Commas separate the values of a repeatable setting.
    private static func values(of text: String, for setting: Setting) throws(Failure) -> [String] {
        guard setting.kind == .flag else {
            guard setting.isRepeatable else { return [text] }
            return text.split(separator: ",").map { String($0.drop { $0 == " " }) }
        }
        switch text {
        case "true", "1": return ["true"]
        case "false", "0": return []
        default:
            let text = Console.escaped(text)
            throw Failure(
                .configuration, "$\(setting.variable): it is true or false, and not \(text)", hint: HelpPointer.hint)
        }
    }

    /// Parses each value of a setting separately, so that an error can name the source of the value.
    private static func check(
        _ setting: Setting, _ resolved: Resolved, _ command: Command, failure: (String) -> Failure
    ) throws {
        for value in resolved.values {
            var arguments = command.required
            switch setting.kind {
            case .positional: arguments[setting.name == "name" ? 0 : 1] = value
            case .option: arguments.append("--\(setting.name)=\(value)")
            case .flag: arguments.append("--\(setting.name)")
            }
            do {
                _ = try command.type.parse(arguments)
            } catch {
                throw failure(Failure.text(ofParser: command.type.message(for: error)))
            }
        }
    }
}

extension SettingSources {
    /// The sources of settings other than the command line.
    struct Environment {
        let value: (String) -> String?
        let names: () -> [String]
        /// False to ignore the settings file.
        let readsFile: Bool

        /// The variables of this process, and the settings file.
        static var ofProcess: Environment {
            Environment(
                value: FileSystem.environment, names: { FileSystem.environmentNames }, readsFile: true)
        }

        /// An environment without variables and without a settings file, so that only the command line and the defaults
        /// apply.
        static var empty: Environment { Environment(value: { _ in nil }, names: { [] }, readsFile: false) }
    }

    /// Returns each variable that begins with `P2P_` and is no setting. The suggestion is the variable that the user
    /// probably meant; nil if no variable is similar.
    static func unknownVariables(
        _ names: [String] = FileSystem.environmentNames
    ) -> [(name: String, suggestion: String?)] {
        let settings = commands.flatMap { command in
            ((try? Setting.all(of: command.type)) ?? []).filter(command.has)
        }
        let known = Set(settings.map(\.variable) + ["P2P_CONFIG", "P2P_KEYS", "P2P_SOCKETS"])
        return names.filter { $0.hasPrefix("P2P_") && !known.contains($0) }.sorted().map { name in
            (name, NearMiss.best(of: known.sorted(), for: name))
        }
    }
}
