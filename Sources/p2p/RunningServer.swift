internal import MeshControl
internal import SecureMesh

/// The servers on this host whose control sockets this user may use.
enum RunningServer {
    /// The failure of a command that has changed the list, if a running server has not read it.
    static let refusal = Failure(
        .tryAgain, "the list has changed, but a running server did not read it",
        hint: "the warning gives the cause; after you have removed it, 'p2p reload' makes the change effective")

    /// The answers of the running servers to a change of the list.
    struct Answers {
        /// The answers of the servers that use the list.
        fileprivate(set) var reports: [ReloadReport] = []

        /// True if a server has refused to read its list, which may be this one, or if no server has read it and one
        /// does not answer.
        fileprivate(set) var isRefused = false

        /// True if no server has read the list, and one has refused to read its own or does not answer.
        var haveNoEffect: Bool { reports.isEmpty && isRefused }
    }

    /// Makes the running servers read their lists of peers again. Call this after the list at `path` has changed. If no
    /// server uses that list, prints a note that says what the user can do.
    ///
    /// - Parameters:
    ///   - mayRun: False if no server of this mesh can run yet. Then there is no note, and a refusal does not count,
    ///     because it comes from a server of another mesh.
    ///   - command: The command that makes the same change in the list of another server, without the option
    ///     `--authorized-peers`; nil if the calling command has this option itself.
    static func reload(after path: String, mayRun: Bool = true, command: String? = nil) async -> Answers {
        let sockets = ControlFolder.sockets().filter { $0.split(separator: "/").last?.hasPrefix("server-") == true }
        var answers = Answers()
        var isSilent = false
        for answer in await reload(sockets) {
            switch answer {
            case .success(let report):
                let count = report.keys == 1 ? "1 key" : "\(report.keys) keys"
                guard isOf(path, report) else {
                    let other = Console.escaped(report.file ?? report.list)
                    let option = "--authorized-peers \(Shell.quoted(other))"
                    Console.warning(
                        "a running server has another list, \(other): \(count)",
                        hint: "if it is the right server: " + (command.map { "\($0) \(option)" } ?? "give \(option)"))
                    continue
                }
                Console.note("the running server has read \(Console.escaped(report.list)) again: \(count)")
                answers.reports.append(report)
            case .failure(let failure):
                switch failure.code {
                case .usage: break  // An open server has no list.
                case .unavailable: isSilent = true
                default: answers.isRefused = mayRun
                }
                Console.warning("a running server did not read its list: \(failure.message)", hint: failure.hint)
            }
        }
        guard mayRun, answers.reports.isEmpty else { return answers }
        if isSilent { answers.isRefused = true }
        if !answers.isRefused {
            Console.note(
                "no running server has read \(path); if one runs, make it read the list with 'p2p reload --control "
                    + "PATH', or with 'systemctl reload p2p-server' if systemd runs it")
        }
        return answers
    }

    /// Returns true if the answer comes from a server that uses the list at `path`, or that may use it.
    ///
    /// A server may use it if its answer does not give the real path of its list. A server in a container may have the
    /// list at another path, so a server that reports added or removed keys may use it too.
    private static func isOf(_ path: String, _ report: ReloadReport) -> Bool {
        report.file == nil || report.file == FileStatus.resolved(path) || !report.added.isEmpty
            || !report.removed.isEmpty
    }

    /// Sends the request to all servers at the same time, so that a server that does not answer does not delay the
    /// others.
    private static func reload(_ sockets: [String]) async -> [Result<ReloadReport, Failure>] {
        await withTaskGroup(of: (Int, Result<ReloadReport, Failure>).self) { tasks in
            for (index, socket) in sockets.enumerated() {
                tasks.addTask { (index, await reload(socket)) }
            }
            return await tasks.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private static func reload(_ socket: String) async -> Result<ReloadReport, Failure> {
        do throws(ControlClient.Failure) {
            let answer = try await ControlClient(path: socket)
                .post("/v1/reload", [String: String](), as: ReloadReport.self)
            return .success(answer.value)
        } catch {
            return .failure(Failure(error))
        }
    }
}
