internal import ArgumentParser

/// The option `--config` of every command that reads a settings file.
struct SettingsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "File of settings.", valueName: "file", default: "$P2P_CONFIG, or else ./p2p.toml if it exists"),
        completion: .file())
    var config: String?
}
