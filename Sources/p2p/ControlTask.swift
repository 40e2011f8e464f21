internal import MeshControl
internal import SecureMesh

/// The control socket of a server or a peer that runs in this process.
actor ControlTask {
    private let choice: ControlChoice?
    private var socket: ControlSocket?

    /// - Parameter choice: The argument of `--control`; nil for the usual place.
    init(_ choice: ControlChoice?) {
        self.choice = choice
    }

    /// Opens the socket. In the usual place, a failure is a warning: the mesh does not need the socket.
    ///
    /// - Parameter name: The name of the socket in the folder of this user's sockets.
    /// - Returns: The failure, with exit code 73, if the user chose the path.
    func open(named name: String, for process: some ControlledProcess) async -> Failure? {
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

    /// Closes the socket, once the task that opens it has ended.
    ///
    /// - Returns: The failure of that task.
    @discardableResult
    func close(after opening: Task<Failure?, Never>) async -> Failure? {
        let failure = await opening.value
        await socket?.close()
        socket = nil
        return failure
    }
}
