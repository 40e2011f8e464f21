internal import ArgumentParser
internal import MeshControl

/// `p2p reload`: makes a running server read its list of authorized peers again.
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Make the running server read authorized_peers again.",
        usage: "p2p reload [<options>]",
        discussion: """
              p2p reload

            Prints the number of keys, and who was added and removed. The list takes effect as a whole: a malformed \
            one is refused, and the previous one stays in force.
            """)

    @Flag(help: "Print one JSON object.")
    var json = false

    @OptionGroup var controlOptions: ControlOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    func run() async throws {
        let client = try controlOptions.client(.server)
        let answer = try await Failure.translating { () async throws(ControlClient.Failure) in
            try await client.post("/v1/reload", [String: String](), as: ReloadReport.self)
        }
        guard !json else { return Console.result(json: answer.bytes) }
        Console.result(Console.escaped(Self.text(answer.value)))
    }

    /// Returns a text like `read keys/authorized_peers again: 3 keys; added: C; removed: A B`.
    static func text(_ report: ReloadReport) -> String {
        let keys = "\(report.keys) \(report.keys == 1 ? "key" : "keys")"
        let changes = [("added", report.added), ("removed", report.removed)].filter { !$0.1.isEmpty }
            .map { "; \($0): \($1.joined(separator: " "))" }
        return "read \(report.list) again: \(keys)\(changes.joined())"
    }
}
