internal import NIOConcurrencyHelpers

/// The state of a `MeshServer` or a `MeshPeer`: first new, then running, then ended.
final class Lifecycle<Machine: MeshMachine>: Sendable where Machine.Event: MeasuredEvent {
    struct Started: Sendable {
        let driver: MeshDriver<Machine>
    }

    private typealias Waiter = OneShot<Result<Started, MeshError>>

    private enum State {
        case new([Waiter])
        case running(Started)
        case ended(MeshError?)
    }

    private let state = NIOLockedValueBox((state: State.new([]), isClaimed: false))

    /// Marks `run()` as called.
    ///
    /// - Throws: `MeshError.alreadyRan` if `run()` was called before.
    func claim() throws(MeshError) {
        let isFirst = state.withLockedValue { value in
            defer { value.isClaimed = true }
            return !value.isClaimed
        }
        guard isFirst else { throw .alreadyRan }
    }

    /// Notes that the service runs, and resumes the callers that wait in `started`.
    func begin(_ driver: MeshDriver<Machine>) {
        let started = Started(driver: driver)
        for waiter in transition(to: .running(started)) { waiter.give(.success(started)) }
    }

    /// Notes that the service has ended. From then on, `started` throws `MeshError.notRunning`.
    ///
    /// - Parameter failure: The error that `run()` throws; nil if it returns without an error.
    func end(_ failure: MeshError? = nil) {
        for waiter in transition(to: .ended(failure)) { waiter.give(.failure(.notRunning)) }
    }

    /// Notes that the service will never run, because the `MeshServer` or `MeshPeer` was released and nobody can call
    /// `run()` anymore.
    ///
    /// A `MeshMembership` may outlive its `MeshPeer`. Without this call, a consumer of the `MeshMembership` would wait
    /// in `started` forever.
    func abandon() {
        let waiters = state.withLockedValue { value -> [Waiter] in
            guard case .new(let waiters) = value.state else { return [] }
            value.state = .ended(nil)
            return waiters
        }
        for waiter in waiters { waiter.give(.failure(.notRunning)) }
    }

    /// The error that `run()` has thrown; nil if `run()` has not ended or has returned without an error.
    var failure: MeshError? {
        state.withLockedValue { if case .ended(let failure) = $0.state { failure } else { nil } }
    }

    /// Waits until `run()` has bound the sockets.
    ///
    /// - Throws: `MeshError.notRunning` if `run()` has ended; `MeshError.cancelled` if the task is canceled, or its
    ///   service group shuts down, during the wait.
    func started() async throws(MeshError) -> Started {
        let waiter = Waiter()
        state.withLockedValue { value in
            switch value.state {
            case .new(let waiters): value.state = .new(waiters + [waiter])
            case .running(let started): waiter.give(.success(started))
            case .ended: waiter.give(.failure(.notRunning))
            }
        }
        let result = await waiter.value(ifCancelled: .failure(.cancelled))
        if case .failure(.cancelled) = result { forget(waiter) }
        return try result.get()
    }

    private func forget(_ waiter: Waiter) {
        state.withLockedValue { value in
            if case .new(let waiters) = value.state { value.state = .new(waiters.filter { $0 !== waiter }) }
        }
    }

    private func transition(to next: State) -> [Waiter] {
        state.withLockedValue { value in
            defer { value.state = next }
            if case .new(let waiters) = value.state { return waiters }
            return []
        }
    }
}
