internal import SecureMesh

/// A setting that is out of range, or several settings that contradict each other although each is valid by itself.
struct SettingsFault {
    let message: String
    /// The names of the settings with the fault. At least one of these settings has to change.
    let settings: [String]

    init(_ message: String, _ settings: [String]) {
        self.message = message
        self.settings = settings
    }

    init(_ fault: ConfigurationFault) {
        let names = fault.settings.map { setting in
            switch setting {
            case .listen: "listen"
            case .heartbeatInterval: "heartbeat"
            case .lifetime: "lifetime"
            case .maximumPeers: "max-peers"
            case .eventLoops: "event-loops"
            case .bind: "bind"
            case .server: "server"
            }
        }
        self.init(fault.reason, names)
    }
}

extension SettingSources {
    /// Returns the failure that reports `fault`.
    ///
    /// The exit code is 78 if a setting that `fault` names comes from a settings file or an environment variable. Then
    /// the message begins with the file, line and column of that setting, or with the variable. If all of these
    /// settings come from the command line or are defaults, the exit code is 64.
    ///
    /// If `fault` names several settings, the message ends with the value and the origin of each. This list is left out
    /// if all of them come from the command line.
    ///
    /// - Parameter arguments: The arguments after the name of the program.
    static func failure(
        of fault: SettingsFault, _ arguments: [String] = Array(CommandLine.arguments.dropFirst())
    ) -> Failure {
        let all = (try? SettingSources(arguments, listsAll: true))?.settings ?? []
        let settings = all.filter { fault.settings.contains($0.name) }
        var message = fault.message
        if settings.count > 1, settings.contains(where: { $0.origin != .commandLine }) {
            let values = settings.map { setting in
                let value = setting.values.map(Console.escaped).joined(separator: ", ")
                return "\(setting.name) is \(value.isEmpty ? "not set" : value) (\(setting.origin.description))"
            }
            message += "; \(values.joined(separator: ", "))"
        }
        // The message names the first of the settings in the file, or else the first variable.
        let places = settings.compactMap(\.origin.place).sorted { $0.line < $1.line }
        guard let place = places.first(where: { $0.line > 0 }) ?? places.first else {
            return Failure(.usage, message, hint: HelpPointer.hint)
        }
        return Failure(.configuration, "\(place.text): \(message)", hint: HelpPointer.hint)
    }
}

extension SettingSources.Origin {
    /// The text with which a message about the setting begins, and the number of the line in the settings file. The
    /// number is 0 for a variable. Nil if the setting comes from neither a settings file nor a variable.
    fileprivate var place: (text: String, line: Int)? {
        switch self {
        case .environment(let name): ("$\(name)", 0)
        case .file(let path, let position): ("\(path):\(position.line):\(position.column)", position.line)
        case .commandLine, .standard: nil
        }
    }
}
