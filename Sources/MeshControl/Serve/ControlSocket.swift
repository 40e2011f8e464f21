internal import NIOCore
internal import NIOPosix
internal import SecureMesh

/// The Unix socket at which a server or a peer answers commands: HTTP/1.1 with JSON (docs/control.md).
///
/// It has an event loop of its own, so that no client delays the mesh. Only processes of the same user and of root are
/// answered.
package final class ControlSocket: Sendable {
    package let path: String
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let file: SocketFileStatus?

    /// Opens the socket `name` in the folder of this user's sockets.
    package static func open(
        named name: String, for process: some ControlledProcess
    ) async throws(ControlSocketError) -> ControlSocket {
        let folder = ControlFolder.own
        try ControlFolder.prepare(folder)
        return try await open(at: "\(folder)/\(name)", for: process)
    }

    /// Opens a socket at a path. The file of a process that has ended is replaced.
    package static func open(
        at path: String, for process: some ControlledProcess
    ) async throws(ControlSocketError) -> ControlSocket {
        let fresh = "\(path).\(SocketFiles.process)"
        guard fresh.utf8.count < SocketFiles.longestPath else {
            throw ControlSocketError(
                "the path of the control socket is too long: \(path)",
                hint: "give --control a path of at most \(SocketFiles.longestPath - 10) bytes, or off")
        }
        try checkFree(path)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            SocketFiles.remove(fresh)
            let channel = try await bootstrap(group, ControlService(process: process))
                .bind(unixDomainSocketPath: fresh).get()
            // Under this name nobody looks for it, and in its place it has the right mode at once.
            try SocketFiles.allowOwnerOnly(fresh)
            try SocketFiles.rename(fresh, to: path)
            return ControlSocket(path, group, channel, (try? SocketFiles.status(path)) ?? nil)
        } catch {
            SocketFiles.remove(fresh)
            try? await group.shutdownGracefully()
            let code = (error as? IOError)?.errnoCode
            let reason = (code.map { SystemError($0) } ?? error as? SystemError)?.message ?? "\(error)"
            throw ControlSocketError(
                "cannot make the control socket \(path): \(reason)",
                hint: "give --control another path, or --control off")
        }
    }

    private init(
        _ path: String, _ group: MultiThreadedEventLoopGroup, _ channel: any Channel, _ file: SocketFileStatus?
    ) {
        self.path = path
        self.group = group
        self.channel = channel
        self.file = file
    }

    /// Closes the socket and all connections, and removes the file, unless another process has replaced it.
    package func close() async {
        if let file, (try? SocketFiles.status(path)) == file { SocketFiles.remove(path) }
        try? await channel.close()
        try? await group.shutdownGracefully()
    }

    private static func checkFree(_ path: String) throws(ControlSocketError) {
        let isSocket: Bool
        let isTaken: Bool
        do throws(SystemError) {
            guard let status = try SocketFiles.status(path) else { return }
            isSocket = status.kind == .socket
            isTaken = isSocket ? try SocketFiles.isListening(path) : false
        } catch {
            throw ControlSocketError(
                "cannot use \(path): \(error.message)", hint: "give --control another path, or --control off")
        }
        guard isSocket else {
            throw ControlSocketError("\(path) is not a socket", hint: "give --control another path")
        }
        guard !isTaken else {
            throw ControlSocketError(
                "another process listens at \(path)", hint: "stop it, or give --control another path")
        }
    }

    private static func bootstrap(
        _ group: MultiThreadedEventLoopGroup, _ service: ControlService
    ) -> ServerBootstrap {
        HTTPListener.bootstrap(group, connections: ControlLimits.connections, admitting: checkUser) {
            ControlConnection(service)
        }
        .childChannelOption(
            .writeBufferWaterMark,
            value: ChannelOptions.Types.WriteBufferWaterMark(
                low: ControlLimits.streamBuffer / 4, high: ControlLimits.streamBuffer))
    }

    /// Fails for a client of another user than this process and root.
    private static func checkUser(of channel: any Channel) -> EventLoopFuture<Void> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        let credentials: EventLoopFuture<SocketFiles.Credentials> = provider.unsafeGetSocketOption(
            level: NIOBSDSocket.OptionLevel(rawValue: SocketFiles.credentialsLevel),
            name: NIOBSDSocket.Option(rawValue: SocketFiles.credentialsOption))
        return credentials.flatMapThrowing { credentials in
            let user = SocketFiles.user(of: credentials)
            guard user == 0 || user == SocketFiles.user else { throw ChannelError.operationUnsupported }
        }
    }
}
