internal import ArgumentParser
internal import MeshControl
internal import Metrics
internal import SecureMesh

/// The option `--metrics` of `p2p server` and `p2p peer`.
struct MetricsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Address to serve metrics and health at, over HTTP.", valueName: "address:port", default: "none"),
        transform: Parse.socketAddress)
    var metrics: SocketAddress?

    /// Makes the registry of this process's metrics; nil if `--metrics` is not given. Call this before the server or
    /// the peer runs, because both create their metrics when they start.
    func makeRegistry() -> PrometheusRegistry? {
        guard metrics != nil else { return nil }
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        return registry
    }

    /// Begins to serve the metrics, until the process ends. Does nothing if `--metrics` is not given.
    ///
    /// - Throws: `Failure` with exit code 71 if the address cannot be bound.
    func serve(_ registry: PrometheusRegistry?, of process: some ControlledProcess) async throws {
        guard let metrics, let registry else { return }
        let address = try await MetricsEndpoint.open(at: metrics, registry, of: process)
        Console.note("metrics at http://\(address)/metrics")
        if !metrics.isLoopback {
            Console.warning("--metrics: anyone who reaches \(address) can read the metrics, without encryption")
        }
    }
}
