internal import Synchronization

/// Hands the events of a process to the streams that want them.
package final class ControlFeed: Sendable {
    package typealias Receiver = @Sendable (ControlEvent) -> Void

    private struct State {
        var receivers: [Int: (filter: EventFilter, receive: Receiver)] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Calls `receive`, which must not block, with each event that the filter accepts.
    ///
    /// - Returns: The number of the subscription, for `unsubscribe`.
    package func subscribe(_ filter: EventFilter, _ receive: @escaping Receiver) -> Int {
        state.withLock { state in
            state.next += 1
            state.receivers[state.next] = (filter, receive)
            return state.next
        }
    }

    package func unsubscribe(_ number: Int) {
        state.withLock { $0.receivers[number] = nil }
    }

    /// The number of subscriptions.
    package var count: Int { state.withLock { $0.receivers.count } }

    /// Publishes an event. It is made only if somebody may want it.
    package func publish(_ event: () -> ControlEvent) {
        let receivers = state.withLock { Array($0.receivers.values) }
        guard !receivers.isEmpty else { return }
        let event = event()
        for receiver in receivers where receiver.filter.accepts(event) { receiver.receive(event) }
    }
}
