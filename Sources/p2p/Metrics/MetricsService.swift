internal import MeshControl
internal import SecureMesh
internal import Synchronization

/// Answers the HTTP requests for the paths `/metrics`, `/healthz` and `/readyz`.
struct MetricsService: Sendable {
    struct Answer: Sendable, Equatable {
        let status: Int
        let text: String
    }

    private let registry: PrometheusRegistry
    private let process: any ControlledProcess

    init(_ registry: PrometheusRegistry, of process: any ControlledProcess) {
        self.registry = registry
        self.process = process
    }

    /// Returns the answer to a request. If the method or the path is unknown, the answer has an error status.
    ///
    /// - Parameters:
    ///   - method: The method of the request, such as `GET`.
    ///   - target: The request target of HTTP/1.1.
    func answer(_ method: String, _ target: String) async -> Answer {
        guard method == "GET" || method == "HEAD" else {
            return Answer(status: 405, text: "this path takes GET only\n")
        }
        switch target.prefix(while: { $0 != "?" }) {
        case "/metrics":
            registry.setProcessFigures()
            return Answer(status: 200, text: registry.text(describedBy: MetricDescriptions.all))
        case "/healthz":
            return await status() == nil
                ? Answer(status: 503, text: "the event loop does not answer\n") : Answer(status: 200, text: "ok\n")
        case "/readyz":
            guard let status = await status() else {
                return Answer(status: 503, text: "the event loop does not answer\n")
            }
            guard let server = status.server, !server.maySend else { return Answer(status: 200, text: "ok\n") }
            return Answer(status: 503, text: "this peer may not send messages: \(server.state.rawValue)\n")
        default:
            return Answer(status: 404, text: "the paths are /metrics, /healthz and /readyz\n")
        }
    }

    /// Requests the state of the process.
    ///
    /// - Returns: The state; nil if the process has not answered within a second.
    private func status() async -> MeshStatus? {
        // A task group would wait for the report, which waits for the event loop even if it is canceled.
        let answer = Mutex<MeshStatus?>(nil)
        await firstToEnd([
            { [process] in
                let status = await process.report(listsMembers: false).status
                answer.withLock { $0 = status }
            }, { try? await Task.sleep(for: .seconds(1)) },
        ])
        return answer.withLock { $0 }
    }
}
