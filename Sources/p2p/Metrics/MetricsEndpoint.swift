internal import MeshControl
internal import NIOCore
internal import NIOPosix
internal import SecureMesh

/// Serves the metrics and the health of this process over HTTP/1.1 (docs/metrics.md).
///
/// The endpoint has an event loop of its own, so that no client delays the mesh. Each connection may send one small
/// request, and is closed after 10 seconds at the latest. The number of connections is limited.
enum MetricsEndpoint {
    /// Binds the address, and begins to serve. The endpoint serves until the process ends.
    ///
    /// - Returns: The address that was bound. If the port of `address` is 0, the system has chosen the port.
    /// - Throws: `Failure` with exit code 71 if the address cannot be bound.
    static func open(
        at address: SecureMesh.SocketAddress, _ registry: PrometheusRegistry, of process: some ControlledProcess
    ) async throws(Failure) -> SecureMesh.SocketAddress {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let service = MetricsService(registry, of: process)
            let channel = try await HTTPListener.bootstrap(group, connections: mostConnections) {
                MetricsConnection(service)
            }
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(to: Self.bindable(address)).get()
            let port = channel.localAddress?.port.map { UInt16(clamping: $0) } ?? address.port
            return SecureMesh.SocketAddress(ip: address.ip, port: port)
        } catch {
            try? await group.shutdownGracefully()
            throw Self.failure(address, error)
        }
    }

    /// Binds the address for a moment.
    ///
    /// - Throws: `Failure` with exit code 71 if the address cannot be bound.
    static func check(_ address: SecureMesh.SocketAddress) async throws(Failure) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(to: Self.bindable(address)).get()
            try await channel.close().get()
            try await group.shutdownGracefully()
        } catch {
            try? await group.shutdownGracefully()
            throw Self.failure(address, error)
        }
    }

    private static func bindable(_ address: SecureMesh.SocketAddress) throws -> NIOCore.SocketAddress {
        try NIOCore.SocketAddress(ipAddress: host(of: address), port: Int(address.port))
    }

    private static func failure(_ address: SecureMesh.SocketAddress, _ error: any Error) -> Failure {
        Failure(
            .system, "cannot serve metrics at \(address): \(reason(of: error))",
            hint: "choose another address for --metrics")
    }

    /// Returns the IP address as text, without the port and without brackets.
    private static func host(of address: SecureMesh.SocketAddress) -> String {
        let text = address.description
        let colon = text.lastIndex(of: ":") ?? text.endIndex
        return text[..<colon].filter { $0 != "[" && $0 != "]" }
    }

    private static func reason(of error: any Error) -> String {
        SystemError(error)?.text ?? "\(error)"
    }

    private static let mostConnections = 16
}
