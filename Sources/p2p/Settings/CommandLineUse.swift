/// The settings on the command line. Values from the environment or a settings file are not included.
struct CommandLineUse {
    private(set) var positionals: [String] = []
    /// The values of each option, by the name of the option. The value of a flag is `true`.
    private(set) var options: [String: [String]] = [:]

    /// The value of `--config`; nil if the option is not given.
    var config: String? { options["config"]?.last }

    /// - Parameter arguments: The arguments after the name of the command.
    init(_ arguments: [String], settings: [Setting]) {
        let flags = Set(settings.filter { $0.kind == .flag }.map { "--\($0.name)" } + ["--show-origin"])
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                positionals += rest
                return
            }
            guard argument.hasPrefix("--") else {
                positionals.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0].dropFirst(2))
            if parts.count == 2 {
                options[name, default: []].append(String(parts[1]))
            } else if flags.contains(argument) {
                options[name] = ["true"]
            } else if let value = rest.popFirst() {
                options[name, default: []].append(value)
            }
        }
    }
}
