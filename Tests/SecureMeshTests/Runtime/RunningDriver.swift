@testable internal import SecureMesh

extension MeshServer {
    /// Waits until the server runs, and returns its driver.
    func runningDriver() async throws -> MeshDriver<Registry> {
        try await lifecycle.started().driver
    }
}
