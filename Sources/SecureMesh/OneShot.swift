internal import NIOConcurrencyHelpers
internal import ServiceLifecycle

/// A value that is set once, and that one task waits for.
final class OneShot<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<Value, Never>)
        case given(Value)
    }

    private let state = NIOLockedValueBox(State.empty)

    /// Sets the value, and resumes the task that waits. Later values are ignored.
    func give(_ value: Value) {
        let waiting: CheckedContinuation<Value, Never>? = state.withLockedValue { state in
            guard case .given = state else {
                defer { state = .given(value) }
                if case .waiting(let continuation) = state { return continuation }
                return nil
            }
            return nil
        }
        waiting?.resume(returning: value)
    }

    /// Waits for the value.
    ///
    /// - Parameter cancelled: The value to return if the task is canceled, or its service group shuts down, before a
    ///   value is set.
    func value(
        ifCancelled cancelled: Value, isolation: isolated (any Actor)? = #isolation
    ) async -> Value {
        await withTaskCancellationOrGracefulShutdownHandler(isolation: isolation) {
            await withCheckedContinuation(isolation: isolation) { continuation in
                let given: Value? = state.withLockedValue { state in
                    if case .given(let value) = state { return value }
                    state = .waiting(continuation)
                    return nil
                }
                if let given { continuation.resume(returning: given) }
            }
        } onCancelOrGracefulShutdown: {
            self.give(cancelled)
        }
    }
}
