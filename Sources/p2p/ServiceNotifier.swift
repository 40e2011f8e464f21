internal import SecureMesh
internal import ServiceLifecycle
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Reports the state of this process to a service manager such as systemd: ready, reloading or stopping, and a status
/// line about the mesh. Also sends messages to the manager's watchdog. They show that the event loop runs.
///
/// Does nothing unless the environment variable `NOTIFY_SOCKET` names the manager's socket.
///
/// The notifier is in the same service group as the server or the peer. When the group stops, it stops the notifier
/// first.
final class ServiceNotifier: Service {
    private struct State {
        /// True once the sockets are bound.
        var isRunning = false
        /// True if READY=1 must still be sent to the manager.
        var owesReady = false
        var status: String?
        var sentStatus: String?
        var hasWarned = false
    }

    private let socket: NotifySocket?
    private let watchdog: Duration?
    /// Returns the status line about the mesh. The event loop computes the line, so a result shows that the event loop
    /// runs.
    private let summary: @Sendable () async throws -> String
    private let state = Mutex(State())

    /// - Parameter summary: Waits until the sockets are bound, and returns the status line. The event loop must compute
    ///   the line.
    private init(_ summary: @escaping @Sendable () async throws -> String) {
        self.summary = summary
        let name = FileSystem.environment("NOTIFY_SOCKET") ?? ""
        watchdog = Self.watchdog
        do throws(SystemError) {
            socket = name.isEmpty ? nil : try NotifySocket(name)
        } catch {
            socket = nil
            Console.warning(
                "cannot notify the service manager at \(Console.escaped(name)): \(error.text)",
                hint: "NOTIFY_SOCKET is an absolute path, or @ and an abstract name")
        }
    }

    convenience init(of server: MeshServer) {
        self.init {
            let count = try await server.memberCount()
            return count == 1 ? "1 member" : "\(count) members"
        }
    }

    convenience init(of runner: PeerRunner, asking server: ServerAddress) {
        let asking = "not a member, asking \(Console.escaped(server.description))"
        self.init {
            let others: Int?
            do throws(MeshError) {
                guard let peer = await runner.peer else { return "disconnected" }
                others = try await peer.otherMemberCount()
            } catch .notRunning {
                return "disconnected"
            }
            guard let others else { return asking }
            return "member as \(runner.name), with \(others == 1 ? "1 other" : "\(others) others")"
        }
    }

    /// Sends the states of this process until graceful shutdown or cancellation.
    func run() async {
        guard let socket else {
            try? await gracefulShutdown()
            return
        }
        try? await cancelWhenGracefulShutdown { try await self.notifyRepeatedly(over: socket) }
        send("STOPPING=1\nSTATUS=stopping", over: socket)
    }

    /// Tells the service manager that this process has begun to read its settings again. Call `reloadEnds` afterwards.
    func reloadBegins() {
        guard let socket, state.withLock({ $0.isRunning }) else { return }
        send("RELOADING=1\nMONOTONIC_USEC=\(NotifySocket.monotonicMicroseconds)", over: socket)
    }

    func reloadEnds() {
        guard let socket, state.withLock({ $0.isRunning }) else { return }
        state.withLock { $0.owesReady = true }
        notify(over: socket)
    }

    private func notifyRepeatedly(over socket: NotifySocket) async throws {
        let status = try await summary()
        state.withLock { state in
            state.isRunning = true
            state.owesReady = true
            state.status = status
        }
        notify(over: socket, isAlive: true)
        let pause = min(Self.pause, watchdog.map { $0 / 4 } ?? Self.pause)
        var lastSign = ContinuousClock.now
        while true {
            try await Task.sleep(for: pause)
            let status = try await summary()
            state.withLock { $0.status = status }
            // A watchdog message is sent if at least half of the watchdog's time will be over when this loop wakes up
            // again.
            let isAlive = watchdog.map { ContinuousClock.now - lastSign >= $0 / 2 - pause } ?? false
            if isAlive { lastSign = .now }
            notify(over: socket, isAlive: isAlive)
        }
    }

    /// Sends the states that the service manager does not have yet. If the manager's socket is full, the next call
    /// sends them.
    ///
    /// - Parameter isAlive: True to send a watchdog message too.
    private func notify(over socket: NotifySocket, isAlive: Bool = false) {
        state.withLock { state in
            let status = state.status
            var lines: [String] = []
            if state.owesReady { lines += ["READY=1", "MAINPID=\(getpid())"] }
            if let status, status != state.sentStatus { lines.append("STATUS=\(status)") }
            if isAlive, watchdog != nil { lines.append("WATCHDOG=1") }
            guard !lines.isEmpty, send(lines.joined(separator: "\n"), over: socket, &state) else { return }
            state.owesReady = false
            state.sentStatus = status
        }
    }

    private func send(_ text: String, over socket: NotifySocket) {
        state.withLock { _ = send(text, over: socket, &$0) }
    }

    /// Sends a text to the service manager. Prints a warning at the first failure.
    ///
    /// - Returns: True if the text was sent.
    private func send(_ text: String, over socket: NotifySocket, _ state: inout State) -> Bool {
        do throws(SystemError) {
            try socket.send(text)
            return true
        } catch {
            guard error.code != EAGAIN, !state.hasWarned else { return false }
            state.hasWarned = true
            Console.warning("cannot notify the service manager: \(error.text)")
            return false
        }
    }

    /// The time within which the service manager expects the next watchdog message; nil if it expects none from this
    /// process.
    private static var watchdog: Duration? {
        if let process = FileSystem.environment("WATCHDOG_PID"), process != "\(getpid())" { return nil }
        guard let text = FileSystem.environment("WATCHDOG_USEC"), let count = Int64(text), count > 0 else { return nil }
        return .microseconds(count)
    }

    /// The longest time from a change of the status until the change is sent.
    private static let pause = Duration.seconds(1)
}
