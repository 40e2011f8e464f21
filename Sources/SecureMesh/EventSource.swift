internal import NIOConcurrencyHelpers

/// Passes each event to every consumer.
final class EventSource<Event: Sendable>: Sendable {
    private struct State {
        /// The buffer for events that happen before there is a consumer; nil after the first consumer has taken over
        /// the buffer.
        var unclaimed: EventBuffer<Event>?
        var buffers: [ObjectIdentifier: EventBuffer<Event>] = [:]
        var isFinished = false
    }

    private let state: NIOLockedValueBox<State>
    private let limit: Int
    private let byteLimit: Int
    private let missedEvent: @Sendable (Int) -> Event

    /// - Parameters:
    ///   - limit: The largest number of events that wait for one consumer.
    ///   - byteLimit: The largest number of bytes in the bodies of all messages that wait for one consumer.
    ///   - missedEvent: Makes the event that says how many events were dropped.
    init(
        limit: Int = Limits.events, byteLimit: Int = Limits.eventBytes,
        missedEvent: @escaping @Sendable (Int) -> Event
    ) {
        self.limit = limit
        self.byteLimit = byteLimit
        self.missedEvent = missedEvent
        let unclaimed = EventBuffer<Event>(limit: limit, byteLimit: byteLimit, missedEvent: missedEvent)
        state = NIOLockedValueBox(State(unclaimed: unclaimed))
    }

    /// Makes the sequence of a new consumer.
    ///
    /// - Parameter handles: Returns true if it has handled an event, which is then not in the sequence. `yield` calls
    ///   `handles` only while the consumer waits for the next event, so all events are handled in their order.
    func subscribe(except handles: (@Sendable (Event) -> Bool)? = nil) -> MeshEvents<Event> {
        let buffer = state.withLockedValue { state in
            let buffer = state.unclaimed ?? EventBuffer(limit: limit, byteLimit: byteLimit, missedEvent: missedEvent)
            if let handles { buffer.handle(by: handles) }
            state.unclaimed = nil
            if !state.isFinished { state.buffers[ObjectIdentifier(buffer)] = buffer }
            return (buffer, state.isFinished)
        }
        if buffer.1 { buffer.0.finish() }
        return MeshEvents(EventSubscription(buffer.0, of: self))
    }

    /// Removes the consumer that reads from `buffer`.
    func remove(_ buffer: EventBuffer<Event>) {
        state.withLockedValue { $0.buffers[ObjectIdentifier(buffer)] = nil }
    }

    /// An event, and the size of its body in bytes if the event is a message.
    typealias Item = (event: Event, messageSize: Int?)

    /// Hands events to every consumer. A slow consumer does not delay the others.
    ///
    /// - Returns: The largest number of events that were dropped for one consumer.
    func yield(_ items: [Item]) -> Int {
        let (unclaimed, buffers) = state.withLockedValue { ($0.unclaimed, Array($0.buffers.values)) }
        if let unclaimed { _ = unclaimed.append(items) }
        return buffers.reduce(0) { max($0, $1.append(items)) }
    }

    /// Ends every consumer's sequence after the events that wait for that consumer.
    func finish() {
        let buffers = state.withLockedValue { state in
            defer { state.buffers = [:] }
            state.isFinished = true
            return Array(state.buffers.values)
        }
        for buffer in buffers { buffer.finish() }
    }
}

/// A consumer's subscription to an `EventSource`. The subscription ends when the last reference to this object is
/// released.
final class EventSubscription<Event: Sendable>: Sendable {
    let buffer: EventBuffer<Event>
    private let source: EventSource<Event>

    init(_ buffer: EventBuffer<Event>, of source: EventSource<Event>) {
        self.buffer = buffer
        self.source = source
    }

    deinit {
        source.remove(buffer)
    }
}
