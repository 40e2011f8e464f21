internal import NIOCore
internal import NIOPosix
internal import SecureMesh
internal import Synchronization

/// The Unix socket at which a server or a peer answers commands, by HTTP/1.1 with JSON (docs/control.md).
///
/// The socket has its own event loop, so that no client delays the mesh. It accepts connections only from processes of
/// the same user and of root.
package final class ControlSocket: Sendable {
    private struct Listener {
        let channel: any Channel
        let file: SocketFileStatus
    }

    package let path: String
    private let folder: String?
    private let group: MultiThreadedEventLoopGroup
    private let service: ControlService
    private let listener: Mutex<Listener>

    /// Opens a socket named `name` in the folder of this user's sockets.
    package static func open(
        named name: String, for process: some ControlledProcess
    ) async throws(ControlSocketError) -> ControlSocket {
        let folder = ControlFolder.own
        return try await open(at: "\(folder)/\(name)", in: folder, for: process)
    }

    /// Opens a socket at a path. If a socket file of an ended process is at the path, replaces it.
    ///
    /// - Parameter folder: The folder to make first, if it does not exist; nil to make none.
    package static func open(
        at path: String, in folder: String? = nil, for process: some ControlledProcess
    ) async throws(ControlSocketError) -> ControlSocket {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let service = ControlService(process: process)
        do throws(ControlSocketError) {
            let listener = try await listen(at: path, in: folder, group, service)
            return ControlSocket(path, folder, group, service, listener)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private static func listen(
        at path: String, in folder: String?, _ group: MultiThreadedEventLoopGroup, _ service: ControlService
    ) async throws(ControlSocketError) -> Listener {
        let fresh = "\(path).\(SocketFiles.process)"
        try checkLength(path, fresh)
        if let folder { try ControlFolder.prepare(folder) }
        try checkFree(path)
        do {
            SocketFiles.remove(fresh)
            let channel = try await bootstrap(group, service).bind(unixDomainSocketPath: fresh).get()
            do {
                // The socket is made under a temporary name, which no client looks for, and is renamed when its mode is
                // right.
                let file = try SocketFiles.allowOwnerOnly(fresh)
                try SocketFiles.rename(fresh, to: path)
                return Listener(channel: channel, file: file)
            } catch {
                try? await channel.close()
                throw error
            }
        } catch {
            SocketFiles.remove(fresh)
            let reason = SystemError(error)?.message ?? "\(error)"
            throw ControlSocketError(
                "cannot make the control socket \(path): \(reason)",
                hint: "give --control another path, or --control off")
        }
    }

    private init(
        _ path: String, _ folder: String?, _ group: MultiThreadedEventLoopGroup, _ service: ControlService,
        _ listener: consuming Listener
    ) {
        self.path = path
        self.folder = folder
        self.group = group
        self.service = service
        self.listener = Mutex(listener)
    }

    /// Makes the socket file again if it was deleted or replaced. Open connections stay open.
    ///
    /// - Returns: True if the file was made again; false if it was still in place.
    /// - Throws: `ControlSocketError` if the socket cannot be made, for instance because another process listens at the
    ///   path.
    package func restore() async throws(ControlSocketError) -> Bool {
        guard !isInPlace else { return false }
        let next = try await Self.listen(at: path, in: folder, group, service)
        let old = listener.withLock { listener in
            defer { listener = next }
            return listener
        }
        try? await old.channel.close()
        return true
    }

    private var isInPlace: Bool {
        guard let status = try? SocketFiles.status(path) else { return false }
        return listener.withLock { $0.file }.isSameFile(as: status)
    }

    /// Closes the socket and all connections. Removes the socket file, unless another process has replaced it.
    package func close() async {
        if isInPlace { SocketFiles.remove(path) }
        try? await listener.withLock { $0.channel }.close()
        try? await group.shutdownGracefully()
    }

    /// Checks that a socket could be opened at a path in an existing folder.
    package static func check(_ path: String) throws(ControlSocketError) {
        try checkLength(path, "\(path).\(SocketFiles.process)")
        try checkFree(path)
    }

    private static func checkLength(_ path: String, _ fresh: String) throws(ControlSocketError) {
        guard fresh.utf8.count < SocketFiles.longestPath else {
            throw ControlSocketError(
                "the path of the control socket is too long: \(path)",
                hint: "give --control a path of at most \(SocketFiles.longestPath - 10) bytes, or off")
        }
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
        HTTPListener.bootstrap(
            group, connections: ControlLimits.connections, answersErrors: false, admitting: checkUser
        ) {
            ControlConnection(service)
        }
        .childChannelOption(
            .writeBufferWaterMark,
            value: ChannelOptions.Types.WriteBufferWaterMark(
                low: ControlLimits.streamBuffer / 4, high: ControlLimits.streamBuffer))
    }

    /// Returns a failed future unless the client's user is root or the user of this process.
    private static func checkUser(of channel: any Channel) -> EventLoopFuture<Void> {
        channel.userAtOtherEnd().flatMapThrowing { user in
            guard user == 0 || user == SocketFiles.user else { throw ChannelError.operationUnsupported }
        }
    }
}
