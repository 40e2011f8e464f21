internal import NIOConcurrencyHelpers

/// The life of a `MeshServer` or a `MeshPeer`: new → running → ended, each once.
final class Lifecycle<Machine: MeshMachine>: Sendable {
    struct Started: Sendable {
        let driver: MeshDriver<Machine>
        let bound: [SocketAddress]
    }

    private enum State {
        case new([CheckedContinuation<Started, any Error>])
        case running(Started)
        case ended
    }

    private let state = NIOLockedValueBox((state: State.new([]), isClaimed: false))

    /// - Throws: `MeshError.alreadyRan` the second time.
    func claim() throws(MeshError) {
        let isFirst = state.withLockedValue { value in
            defer { value.isClaimed = true }
            return !value.isClaimed
        }
        guard isFirst else { throw .alreadyRan }
    }

    func begin(_ driver: MeshDriver<Machine>, _ bound: [SocketAddress]) {
        let started = Started(driver: driver, bound: bound)
        for waiter in transition(.running(started)) { waiter.resume(returning: started) }
    }

    /// Whoever waits, and whoever asks from now on, gets `MeshError.notRunning`.
    func end() {
        for waiter in transition(.ended) { waiter.resume(throwing: MeshError.notRunning) }
    }

    /// Waits for the sockets to be bound.
    func started() async throws -> Started {
        try await withCheckedThrowingContinuation { continuation in
            let known: Result<Started, any Error>? = state.withLockedValue { value in
                switch value.state {
                case .new(let waiters):
                    value.state = .new(waiters + [continuation])
                    return nil
                case .running(let started):
                    return .success(started)
                case .ended:
                    return .failure(MeshError.notRunning)
                }
            }
            if let known { continuation.resume(with: known) }
        }
    }

    private func transition(_ next: State) -> [CheckedContinuation<Started, any Error>] {
        state.withLockedValue { value in
            defer { value.state = next }
            if case .new(let waiters) = value.state { return waiters }
            return []
        }
    }
}
