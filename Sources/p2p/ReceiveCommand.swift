internal import ArgumentParser
internal import MeshControl
internal import SecureMesh
internal import Synchronization

/// `p2p recv`: prints the messages that a running peer receives.
struct ReceiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recv",
        abstract: "Print the messages that come to the running peer.",
        usage: "p2p recv [<options>]",
        discussion: """
              p2p recv
              p2p recv --from B -n 1
              p2p recv --from B -n 1 --raw > photo.jpg

            Prints NAME: TEXT per message, with control characters escaped. --json has the bytes in Base64, and --raw \
            writes them as they are. The peer and other readers get the messages as well.
            """)

    @Option(help: ArgumentHelp("Name of a sender. Repeatable.", valueName: "name", default: "all"))
    var from: [String] = []

    @Option(
        name: [.customShort("n"), .long],
        help: ArgumentHelp("Number of messages.", valueName: "number", default: "no limit"))
    var count: Int?

    @Flag(help: "Print one JSON object per message.")
    var json = false

    @Flag(help: "Write the bytes of each message, and nothing else.")
    var raw = false

    @OptionGroup var controlOptions: ControlOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func validate() throws {
        for name in from { _ = try Parse.name(name) }
        guard count ?? 1 > 0 else { throw ValidationError("--count is at least 1") }
        guard !json || !raw else { throw ValidationError("--json and --raw exclude each other") }
    }

    func run() async throws {
        let filter = EventFilter(kinds: [.message], names: from.isEmpty ? nil : Set(from))
        let stream = EventStream(client: try controlOptions.client(.peer), filter: filter)
        let left = Mutex(count)
        try await stream.run { line, event in
            guard event.event == .message else { return true }
            if json {
                Console.result(json: line)
            } else if raw {
                Console.rawResult(event.body.map(Array.init) ?? [])
            } else {
                let mark = event.broadcast == true ? "" : " (to you only)"
                let name = Console.escaped(event.name ?? "")
                Console.result("\(name)\(mark): \(Console.escaped(event.body.map(Array.init) ?? []))")
            }
            return left.withLock { left in
                left = left.map { $0 - 1 }
                return left != 0
            }
        }
    }
}
