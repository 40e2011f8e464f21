internal import NIOCore

extension Channel {
    /// Returns the user id of the process at the other end of a Unix socket connection. A listener gets the id of the
    /// client's user, and a client gets the id of the listener's user.
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
