internal import ArgumentParser
internal import MeshControl
internal import Metrics
internal import SecureMesh

/// The option of a server and a peer that serves metrics.
struct MetricsOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Address to serve metrics and health at, over HTTP.", valueName: "address:port", default: "none"),
        transform: Parse.socketAddress)
    var metrics: SocketAddress?

    /// Makes the registry of this process's metrics; nil if `--metrics` is not given. Call it before the server or the
    /// peer runs, because each creates its metrics when it starts.
    func makeRegistry() -> PrometheusRegistry? {
        guard metrics != nil else { return nil }
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        return registry
    }

    /// Serves the metrics until the process ends. Does nothing if `--metrics` is not given.
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
