internal import ArgumentParser

/// Reads the settings of a running server again, and compares them with the settings at the start.
struct SettingsReload: Sendable {
    /// A setting whose values differ from those at the start of the process.
    struct Change: Equatable, Sendable {
        let name: String
        let before: [String]
        let after: [String]

        var description: String {
            "\(name) was \(Self.text(before)) at the start and is \(Self.text(after)) now; it takes effect at a restart"
        }

        private static func text(_ values: [String]) -> String {
            values.isEmpty ? "not set" : values.map(Console.escaped).joined(separator: ", ")
        }
    }

    private let arguments: [String]
    private let started: [SettingSources.Resolved]

    /// - Parameter arguments: The arguments after the name of the program.
    init(_ arguments: [String] = Array(CommandLine.arguments.dropFirst())) throws {
        self.arguments = arguments
        started = try SettingSources(arguments).settings
    }

    /// Reads the settings file and the environment again, and checks all settings as at the start of the process.
    ///
    /// - Returns: The settings that have changed. The changes have no effect on the running process.
    /// - Throws: `Failure` if a setting is wrong.
    func read() throws -> [Change] {
        let sources = try SettingSources(arguments)
        let server: ServerCommand
        do {
            server = try ServerCommand.parse(Array(sources.arguments.dropFirst()))
        } catch {
            throw Failure(.configuration, Failure.text(ofParser: ServerCommand.message(for: error)))
        }
        if let fault = server.faults.first { throw SettingSources.failure(of: fault, arguments) }
        // `settings` is empty if there is neither a file nor a variable. If this was so at the start and is so again,
        // no setting has changed.
        guard !started.isEmpty || !sources.settings.isEmpty else { return [] }
        let plain = try SettingSources(arguments, environment: .empty, listsAll: true).settings
        let before = started.isEmpty ? plain : started
        return zip(before, sources.settings.isEmpty ? plain : sources.settings).compactMap { before, after in
            before.values == after.values
                ? nil : Change(name: after.name, before: before.values, after: after.values)
        }
    }
}
