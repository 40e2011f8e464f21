internal import ArgumentParser
internal import MeshControl
internal import SecureMesh

/// `p2p watch`: prints the events of a running server or peer as they happen.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Print the events of a running server or peer.",
        usage: "p2p watch [<options>]",
        discussion: """
              p2p watch
              p2p watch --event memberJoined --event memberLeft --json

            Prints a line per event: the time in UTC, the event, and whom it concerns. Ends when the process ends.
            """)

    @Option(
        help: ArgumentHelp("Kind of event to print. Repeatable.", valueName: "kind", default: "all"),
        transform: Self.kind)
    var event: [ControlEvent.Kind] = []

    @Option(
        help: ArgumentHelp("Name of a member that events must concern. Repeatable.", valueName: "name", default: "all"))
    var name: [String] = []

    @Flag(help: "Print one JSON object per event.")
    var json = false

    @OptionGroup var controlOptions: ControlOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func validate() throws {
        for name in name { _ = try Parse.name(name) }
    }

    func run() async throws {
        let filter = EventFilter(
            kinds: event.isEmpty ? nil : Set(event), names: name.isEmpty ? nil : Set(name))
        try await EventStream(client: try controlOptions.client(), filter: filter).run { line, event in
            if json { Console.result(json: line) } else { Console.result(Self.text(event)) }
            return true
        }
    }

    /// Returns a text like `2026-01-31T12:00:00.250Z memberLeft B 192.0.2.7:3001 (expired)`.
    static func text(_ event: ControlEvent) -> String {
        var words = [event.time.description, event.event.rawValue]
        words += [event.name, event.address].compactMap { $0 }
        words += [
            event.previousName.map { "before \($0)" }, event.count.map { "\($0)" }, event.reason.map { "(\($0))" },
        ].compactMap { $0 }
        let text = words.map(Console.escaped).joined(separator: " ")
        return event.body.map { "\(text): \(Console.escaped(Array($0)))" } ?? text
    }

    private static func kind(_ text: String) throws -> ControlEvent.Kind {
        guard let kind = ControlEvent.Kind(rawValue: text) else {
            throw ValidationError(
                "an event is one of \(ControlEvent.Kind.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return kind
    }
}
