internal import MeshControl
internal import SecureMesh
internal import ServiceLifecycle

/// Manages the control socket of a server or a peer that runs in this process.
actor ControlTask {
    private let choice: ControlChoice?
    private var socket: ControlSocket?

    /// - Parameter choice: The argument of `--control`; nil for the default path.
    init(_ choice: ControlChoice?) {
        self.choice = choice
    }

    /// Opens the control socket. If this fails at the default path, only prints a warning, because the mesh works
    /// without the socket.
    ///
    /// - Parameter name: The name of the socket in the folder of this user's sockets.
    /// - Returns: The failure, with exit code 73, if the socket cannot be opened at a path that the user chose;
    ///   otherwise nil.
    private func open(named name: String, for process: some ControlledProcess) async -> Failure? {
        do throws(ControlSocketError) {
            switch choice {
            case .off: break
            case .path(let path): socket = try await ControlSocket.open(at: path, for: process)
            case nil: socket = try await ControlSocket.open(named: name, for: process)
            }
        } catch {
            guard choice == nil else { return Failure(.cannotCreate, error.message, hint: error.hint) }
            Console.warning("commands cannot reach this process: \(error.message)", hint: error.hint)
        }
        return nil
    }

    /// Restores the file of the socket whenever somebody has deleted it, until the task is canceled.
    private func keepSocket() async {
        guard let socket else { return }
        let path = Console.escaped(socket.path)
        var failure: ControlSocketError?
        while (try? await Task.sleep(for: ControlLimits.fileCheck)) != nil {
            do throws(ControlSocketError) {
                guard try await socket.restore() else { continue }
                failure = nil
                Console.warning(
                    "somebody deleted the control socket \(path); it is there again", event: .controlSocketRestored,
                    fields: ["path": "\(socket.path)"])
            } catch {
                guard failure != error else { continue }
                failure = error
                Console.warning(
                    "commands cannot reach this process: \(Console.escaped(error.message))",
                    hint: Console.escaped(error.hint), event: .controlSocketLost, fields: ["path": "\(socket.path)"])
            }
        }
    }

    /// Runs services, and opens the control socket while they run. If the user chose a path for the socket, and the
    /// socket cannot be opened there, stops the services.
    ///
    /// - Parameter name: Waits until the server or the peer has bound its address, and returns the name of the control
    ///   socket; nil if the server or the peer ends before it has an address.
    /// - Throws: The error of the services; `Failure` if the socket cannot be opened at the path that the user chose.
    func run(
        _ services: ServiceGroup, answeringFor process: some ControlledProcess,
        named name: @escaping @Sendable () async -> String?
    ) async throws {
        let opening = Task { () -> Failure? in
            guard let name = await name() else { return nil }
            let failure = await open(named: name, for: process)
            if failure != nil { await services.triggerGracefulShutdown() }
            return failure
        }
        let watching = Task {
            if await opening.value == nil { await keepSocket() }
        }
        let result: Result<Void, any Error>
        do {
            result = .success(try await services.run())
        } catch {
            result = .failure(error)
        }
        let failure = await opening.value
        watching.cancel()
        await watching.value
        await socket?.close()
        socket = nil
        try result.get()
        if let failure { throw failure }
    }
}
