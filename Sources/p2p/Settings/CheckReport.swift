internal import ArgumentParser
internal import MeshControl
internal import SecureMesh

/// The results of `p2p check`, printed one after another.
struct CheckReport {
    private var hasProblem = false

    /// Runs one check, and prints its result, or the reason why it failed.
    ///
    /// - Parameters:
    ///   - body: Returns the value that was checked.
    ///   - describe: Returns the text of the result.
    /// - Returns: The value; nil if the check has failed.
    @discardableResult
    mutating func check<Value>(_ body: () throws -> Value, describe: (Value) -> String) -> Value? {
        let (finding, value) = Finding.checking("check", body, describe: describe)
        print(finding)
        return value
    }

    /// Runs a check. Prints a line only if the check fails.
    mutating func require(_ body: () throws -> Void) {
        let finding = Finding.checking("check", body) { "" }.finding
        if finding.verdict == .problem { print(finding) }
    }

    /// Prints the faults of the settings.
    ///
    /// - Parameters:
    ///   - faults: The values out of range, and the settings that contradict each other.
    ///   - describe: Returns the text to print if there are no faults; nil to print nothing.
    mutating func check(_ faults: [SettingsFault], describe: () -> String? = { nil }) {
        for fault in faults { require { throw SettingSources.failure(of: fault) } }
        if faults.isEmpty, let text = describe() { print(.good("check", text)) }
    }

    private mutating func print(_ finding: Finding) {
        if finding.verdict == .problem { hasProblem = true }
        Console.result(finding.line)
    }

    /// Prints the path of the settings file in use. Reports each environment variable that begins with `P2P_` and is no
    /// setting.
    mutating func checkSettings() {
        check {
            try SettingSources(Array(CommandLine.arguments.dropFirst()))
        } describe: { sources in
            sources.file.map { "settings file \($0)" } ?? "no settings file"
        }
        for (name, suggestion) in SettingSources.unknownVariables() {
            note("$\(name) is no setting", hint: suggestion.map { "did you mean \($0)?" })
        }
    }

    /// Checks that a socket can be bound to the address. Prints advice if the system grants a smaller receive buffer
    /// than p2p requests.
    mutating func checkAddress(_ address: SocketAddress) {
        let probe = check {
            try Failure.translating { () throws(MeshError) in try AddressProbe(binding: address) }
        } describe: { _ in
            "address \(address)"
        }
        guard let probe, let advice = Finding.receiveBuffer(probe.receiveBuffer, of: probe.requestedReceiveBuffer)
        else { return }
        Console.result(advice.line)
    }

    /// Checks that metrics could be served at the address.
    mutating func checkMetrics(at address: SocketAddress?) async {
        guard let address else { return }
        do throws(Failure) {
            try await MetricsEndpoint.check(address)
            print(.good("check", "metrics address \(address)"))
        } catch {
            note(error.message, hint: error.hint)
        }
    }

    /// Checks that the process could make its control socket, if the user chose the path.
    mutating func checkControl(_ choice: ControlChoice?) {
        guard case .path(let path)? = choice else { return }
        let folder = KeyFile.folder(of: path)
        let isFolder = (try? FileSystem.status(of: folder))?.kind == .folder
        let cause = isFolder ? "this user may not write to \(folder)" : "there is no folder \(folder)"
        check {
            guard isFolder, FileSystem.isWritable(folder) else {
                throw Failure(
                    .cannotCreate, Console.escaped("cannot make the control socket \(path): \(cause)"),
                    hint: "choose another path for --control")
            }
            do throws(ControlSocketError) {
                try ControlSocket.check(path)
            } catch {
                throw Failure(.cannotCreate, Console.escaped(error.message), hint: error.hint)
            }
        } describe: {
            "control socket \(Console.escaped(path))"
        }
    }

    /// Looks up the server's name, and prints the addresses that were found, or the reason why the lookup failed.
    mutating func checkLookup(of server: ServerAddress) async {
        do throws(HostLookupError) {
            let found = try await server.lookedUp().map(\.description).joined(separator: ", ")
            let text = "server \(server)" + (found == server.description ? "" : " at \(found)")
            Console.result(Finding.good("server", text + ", which is not asked").line)
        } catch {
            note(
                "cannot look up \(server): \(error.reason)",
                hint: "check the spelling, and that this host's name service answers")
        }
    }

    /// Prints advice. Advice does not make the check fail.
    func advise(_ text: String, _ action: String) {
        Console.result(Finding.advice("check", text, action).line)
    }

    private mutating func note(_ message: String, hint: String?) {
        print(.problem("check", message, hint))
    }

    /// Ends the report.
    ///
    /// - Throws: Exit code 1 if a check has failed.
    func finish() throws {
        if hasProblem { throw ExitCode(1) }
    }
}
