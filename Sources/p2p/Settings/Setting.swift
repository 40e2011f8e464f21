internal import ArgumentParser

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A setting of a command: an option or an argument whose value can also come from a settings file or the environment.
struct Setting {
    enum Kind: String, Decodable {
        case positional
        case option
        case flag
    }

    /// The name of the option or the argument, without hyphens in front. A settings file uses the same name.
    let name: String
    let kind: Kind
    let isRepeatable: Bool
    /// True if the value is the path of a file or a folder.
    let isPath: Bool
    /// The default value as text; nil if there is none.
    let standard: String?

    /// The environment variable that gives the setting.
    var variable: String { "P2P_" + String(name.uppercased().map { $0 == "-" ? "_" : $0 }) }

    /// Returns the settings of a command, in the order of its help. They are all options and arguments except `--help`,
    /// `--version`, `--config` and those in `excluded`.
    ///
    /// The settings are derived from the parser's description of the command, so that each new option is a setting too.
    static func all(of command: any ParsableCommand.Type, except excluded: Set<String> = []) throws -> [Setting] {
        let description = try JSONDecoder().decode(Description.self, from: Data(command._dumpHelp().utf8))
        let excluded = excluded.union(["help", "version", "config"])
        return (description.command.arguments ?? []).map(Setting.init).filter { !excluded.contains($0.name) }
    }

    private init(_ argument: Description.Argument) {
        name = argument.kind == .positional ? argument.valueName : argument.preferredName?.name ?? argument.valueName
        kind = argument.kind
        isRepeatable = argument.isRepeating
        isPath = ["file", "folder", "path"].contains { argument.valueName.contains($0) }
        standard = argument.defaultValue ?? argument.abstract.flatMap(Self.defaultInAbstract)
    }

    /// Returns the default at the end of a help text, as in `Address to bind. (default: ::)`; nil if there is none.
    ///
    /// The text is searched without a regular expression, which would cost each server and peer 500 kB of memory.
    private static func defaultInAbstract(_ text: String) -> String? {
        let mark = "(default: ".utf8
        let bytes = Array(text.utf8)
        guard bytes.last == UInt8(ascii: ")"), bytes.count > mark.count,
            let start = (0...(bytes.count - mark.count)).first(where: { bytes[$0...].starts(with: mark) })
        else { return nil }
        return String(decoding: bytes[(start + mark.count)...].dropLast(), as: UTF8.self)
    }

    /// The parser's description of a command. Only the fields that settings need are decoded.
    private struct Description: Decodable {
        struct Command: Decodable {
            let arguments: [Argument]?
        }

        struct Argument: Decodable {
            struct Name: Decodable {
                let name: String
            }

            let kind: Kind
            let preferredName: Name?
            let valueName: String
            let isRepeating: Bool
            let abstract: String?
            let defaultValue: String?
        }

        let command: Command
    }
}
