internal import NIOCore

extension Channel {
    /// Returns the user of the process at the other end of a connection of a Unix socket: at a listener the user that
    /// connected, and at a client the user that listens.
    ///
    /// - Returns: A future that fails if the channel is not such a connection.
    func userAtOtherEnd() -> EventLoopFuture<UInt32> {
        guard let provider = self as? any SocketOptionProvider else {
            return eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        let credentials: EventLoopFuture<SocketFiles.Credentials> = provider.unsafeGetSocketOption(
            level: NIOBSDSocket.OptionLevel(rawValue: SocketFiles.credentialsLevel),
            name: NIOBSDSocket.Option(rawValue: SocketFiles.credentialsOption))
        return credentials.map(SocketFiles.user(of:))
    }
}
