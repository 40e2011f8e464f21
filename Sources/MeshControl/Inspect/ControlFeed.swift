internal import Synchronization

/// Passes the events of a process to the streams that subscribe to them.
package final class ControlFeed: Sendable {
    /// Receives an event as one line of JSON, including the line feed.
    package typealias Receiver = @Sendable (_ line: [UInt8]) -> Void

    private struct State {
        var receivers: [Int: (filter: EventFilter, receive: Receiver)] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Calls `receive`, which must not block, with the line of each event that the filter accepts.
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

    /// Publishes the event that `event` returns. The event is encoded once for all subscribers; without a subscriber,
    /// `event` is not called.
    package func publish(_ event: () -> ControlEvent) {
        let receivers = state.withLock { Array($0.receivers.values) }
        guard !receivers.isEmpty else { return }
        let event = event()
        let willing = receivers.filter { $0.filter.accepts(event) }
        guard !willing.isEmpty else { return }
        let line = ControlJSON.line(event)
        for receiver in willing { receiver.receive(line) }
    }
}
