/// A command with output options.
protocol OutputStyling: SendableMetatype {
    var outputOptions: OutputOptions { get }
    /// The faults of the options: values out of range, and options that contradict each other. If there is a fault, the
    /// command does not run.
    var faults: [SettingsFault] { get }
}

extension OutputStyling {
    var faults: [SettingsFault] { outputOptions.faults }
}

extension Keygen: OutputStyling {}
extension ServerCommand: OutputStyling {}
extension PeerCommand: OutputStyling {}
extension SendCommand: OutputStyling {}
extension ReceiveCommand: OutputStyling {}
extension StatusCommand: OutputStyling {}
extension TopCommand: OutputStyling {}
extension WatchCommand: OutputStyling {}
extension PingCommand: OutputStyling {}
extension ReloadCommand: OutputStyling {}
extension DoctorCommand: OutputStyling {}
extension AuthorizeCommand: OutputStyling {}
extension RevokeCommand: OutputStyling {}
extension SwarmCommand: OutputStyling {}
extension KeyShow: OutputStyling {}
extension KeyNew: OutputStyling {}
extension KeyPassphrase: OutputStyling {}
extension KeyVerify: OutputStyling {}
extension SelfTestCommand: OutputStyling {}
extension SimulateCommand: OutputStyling {}

extension CheckServer: OutputStyling {
    var outputOptions: OutputOptions { server.outputOptions }
    /// Empty, because `p2p check server` itself prints the faults of a server's settings.
    var faults: [SettingsFault] { [] }
}

extension CheckPeer: OutputStyling {
    var outputOptions: OutputOptions { peer.outputOptions }
    /// Empty, because `p2p check peer` itself prints the faults of a peer's settings.
    var faults: [SettingsFault] { [] }
}
