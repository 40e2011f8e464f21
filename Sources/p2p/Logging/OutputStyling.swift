/// A command with the options for its output.
protocol OutputStyling: SendableMetatype {
    var outputOptions: OutputOptions { get }
}

extension Keygen: OutputStyling {}
extension ServerCommand: OutputStyling {}
extension PeerCommand: OutputStyling {}
extension StatusCommand: OutputStyling {}
extension AuthorizeCommand: OutputStyling {}
extension RevokeCommand: OutputStyling {}
extension SwarmCommand: OutputStyling {}
extension SelfTestCommand: OutputStyling {}
extension SimulateCommand: OutputStyling {}

extension CheckServer: OutputStyling {
    var outputOptions: OutputOptions { server.outputOptions }
}

extension CheckPeer: OutputStyling {
    var outputOptions: OutputOptions { peer.outputOptions }
}
