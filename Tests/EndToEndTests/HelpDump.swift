internal import Foundation

/// The parts that the tests need from the JSON that `p2p --experimental-dump-help` prints.
struct HelpDump: Decodable {
    struct Command: Decodable {
        let commandName: String
        let arguments: [Argument]?
        let subcommands: [Command]?
    }

    struct Argument: Decodable {
        struct Name: Decodable {
            let name: String
        }

        let kind: String
        let sectionTitle: String?
        let valueName: String
        let preferredName: Name?
        let abstract: String?
        let defaultValue: String?

        /// The argument as docs/command.md writes it, such as `--keys <folder>`.
        var synopsis: String {
            switch (kind, preferredName) {
            case ("flag", let name?): "--\(name.name)"
            case ("option", let name?): "--\(name.name) <\(valueName)>"
            default: "<\(valueName)>"
            }
        }

        /// The default value: the one that the parser prints or, without it, the one at the end of the help text. Empty
        /// if there is none.
        var defaultText: String {
            defaultValue ?? abstract?.firstMatch(of: #/\(default: (.*)\)$/#).map { String($0.output.1) } ?? ""
        }
    }

    let command: Command
}

extension ProcessHarness {
    /// Returns the command `p2p` with its subcommands and arguments.
    func helpDump() async throws -> HelpDump.Command {
        let help = try await run(["--experimental-dump-help"])
        return try JSONDecoder().decode(HelpDump.self, from: Data(help.output.joined(separator: "\n").utf8)).command
    }
}
