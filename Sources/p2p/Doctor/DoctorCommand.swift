internal import ArgumentParser
internal import MeshControl
internal import SecureMesh

/// `p2p doctor`: examines a running server or peer and its network, and prints findings.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Examine a running server or peer and its network.",
        usage: "p2p doctor [<options>]",
        discussion: """
              p2p doctor
              p2p doctor --report report.json

            Looks at the process, the network, and the files in the folder of keys. Prints one line per \
            check: ok, or ! with what is wrong and what to do, or -- with advice. A peer sends three \
            probes to each member, to 50 at most. The exit code is 1 if something is wrong.
            """)

    @OptionGroup var controlOptions: ControlOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "File for a bug report: the findings, the status, and facts about this host, without secrets.",
            valueName: "file"))
    var report: String?

    @OptionGroup var listOptions: ListOptions

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    private struct Bundle: Encodable {
        var schema = 1
        let findings: [Finding]
        let host: HostFacts
        let reach: [Diagnosis.Reach]
        let status: MeshStatus
    }

    func run() async throws {
        let file = report.map(ReportFile.init)
        try file?.checkWritable()
        let client = try controlOptions.client()
        let status = try await Failure.translating { () async throws(ControlClient.Failure) in
            try await client.get("/v1/status", as: MeshStatus.self)
        }.value
        let members = (status.members ?? []).filter { $0.state == .alive && $0.name != status.name }
        var reaches: [Diagnosis.Reach] = []
        if status.role == .peer, status.server?.maySend == true {
            for member in members.prefix(Self.mostProbed) {
                reaches.append(try await Self.probe(member.name, by: client))
            }
        }
        let addresses =
            [status.server?.address].compactMap(\.self) + members.prefix(Self.mostProbed).compactMap(\.address)
        let facts = HostFacts(reaching: addresses)
        let files = FileCheck.findings(status, in: listOptions.keyOptions.store, list: listOptions.path)
        let findings = Diagnosis.findings(status, facts, reaches, files: files)
        let bundle = Bundle(findings: findings, host: facts, reach: reaches, status: status)
        let text = String(decoding: ControlJSON.encode(bundle), as: UTF8.self)
        if json {
            Console.result(text)
        } else {
            for finding in findings { Console.result(finding.line) }
        }
        try file?.write(text + "\n")
        if findings.contains(where: { $0.verdict == .problem }) { throw ExitCode(1) }
    }

    /// Sends probes to a member, one after another.
    private static func probe(_ name: String, by client: ControlClient) async throws -> Diagnosis.Reach {
        var trips: [Int64] = []
        for _ in 0..<probes {
            do throws(ControlClient.Failure) {
                let request = PingRequest(to: name, timeoutMilliseconds: 500)
                trips.append(try await client.post("/v1/ping", request, as: PingReport.self).value.roundTrip)
            } catch .refused {
                continue
            } catch {
                throw Failure(error)
            }
        }
        return Diagnosis.Reach(name: name, probes: probes, roundTrips: trips)
    }

    private static let probes = 3
    private static let mostProbed = 50
}
