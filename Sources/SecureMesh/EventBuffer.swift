internal import NIOConcurrencyHelpers
internal import NIOCore
internal import ServiceLifecycle

/// The events that one consumer has not taken yet, in order. Their number is limited. If events were dropped, one event
/// in their place says how many were dropped.
final class EventBuffer<Event: Sendable>: Sendable {
    private struct State {
        var events = CircularBuffer<EventSource<Event>.Item>()
        /// The number of bytes in the bodies of the messages in `events`.
        var bytes = 0
        /// The number of events that were dropped after the last event in `events`.
        var missed = 0
        var isFinished = false
        /// The tasks that wait for an event. There is at most one, unless several tasks share an iterator.
        var waiters: [OneShot<Bool>] = []
        /// A function that may handle an event at once; nil if there is none. If the function returns true, it has
        /// handled the event, and the event is not buffered.
        var handles: (@Sendable (Event) -> Bool)?

        /// True if the consumer has handled all events so far, and waits for the next one.
        var isConsumerIdle: Bool { events.isEmpty && missed == 0 && !waiters.isEmpty }
    }

    private enum Next {
        case event(Event)
        case finished
        case wait(OneShot<Bool>)
    }

    private let state = NIOLockedValueBox(State())
    private let limit: Int
    private let byteLimit: Int
    private let missedEvent: @Sendable (Int) -> Event

    /// - Parameters:
    ///   - limit: The largest number of events. At most three quarters of them may be messages.
    ///   - byteLimit: The largest number of bytes in the bodies of all buffered messages.
    ///   - missedEvent: Makes the event that says how many events were dropped.
    init(limit: Int, byteLimit: Int, missedEvent: @escaping @Sendable (Int) -> Event) {
        self.limit = limit
        self.byteLimit = byteLimit
        self.missedEvent = missedEvent
    }

    /// Appends events. An event for which there is no room is dropped.
    ///
    /// - Returns: The number of events that were dropped.
    func append(_ all: [EventSource<Event>.Item]) -> Int {
        let items = all[handle(all)...]
        guard !items.isEmpty else { return 0 }
        let (dropped, waiters) = state.withLockedValue { state -> (Int, [OneShot<Bool>]) in
            let dropped = items.count { !append($0, to: &state) }
            guard dropped < items.count else { return (dropped, []) }
            defer { state.waiters = [] }
            return (dropped, state.waiters)
        }
        for waiter in waiters { waiter.give(true) }
        return dropped
    }

    /// Sets the function to which `append` offers each event first; see `EventSource.subscribe(except:)`.
    func handle(by handles: @escaping @Sendable (Event) -> Bool) {
        state.withLockedValue { $0.handles = handles }
    }

    /// Passes the events to `handles` in order, until `handles` returns false, and returns the number of handled
    /// events. Returns 0 at once if the consumer is not idle, or if there are more than `handledTogether` events, which
    /// would delay the caller's event loop.
    private func handle(_ items: [EventSource<Event>.Item]) -> Int {
        // Unless its task is canceled, an idle consumer waits until `append` is called, so it stays idle here.
        guard items.count <= Self.handledTogether,
            let handles = state.withLockedValue({ $0.isConsumerIdle ? $0.handles : nil })
        else { return 0 }
        return items.firstIndex { !handles($0.event) } ?? items.count
    }

    private func append(_ item: EventSource<Event>.Item, to state: inout State) -> Bool {
        let room = (item.messageSize == nil ? limit : limit - limit / 4) - state.events.count
        let bytes = state.bytes + (item.messageSize ?? 0)
        guard room >= (state.missed > 0 ? 2 : 1), bytes <= byteLimit else {
            state.missed += 1
            return false
        }
        if state.missed > 0 {
            state.events.append((missedEvent(state.missed), nil))
            state.missed = 0
        }
        state.events.append(item)
        state.bytes = bytes
        return true
    }

    /// Ends the sequence after the events that are still in the buffer.
    func finish() {
        let waiters = state.withLockedValue { state in
            defer { state.waiters = [] }
            state.isFinished = true
            return state.waiters
        }
        for waiter in waiters { waiter.give(true) }
    }

    /// Takes the oldest event, or waits for an event.
    ///
    /// - Returns: The event; nil if the sequence has ended, the task is canceled or the task's service group shuts
    ///   down.
    func next(isolation: isolated (any Actor)? = #isolation) async -> Event? {
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            switch take() {
            case .event(let event): return event
            case .finished: return nil
            case .wait(let waiter):
                if await !waiter.value(ifCancelled: false) { forget(waiter) }
            }
        }
        return nil
    }

    private func take() -> Next {
        state.withLockedValue { state in
            if let (event, size) = state.events.popFirst() {
                state.bytes -= size ?? 0
                if state.events.isEmpty, state.events.capacity > Self.keptCapacity { state.events = CircularBuffer() }
                return .event(event)
            }
            if state.missed > 0 {
                defer { state.missed = 0 }
                return .event(missedEvent(state.missed))
            }
            if state.isFinished { return .finished }
            let waiter = OneShot<Bool>()
            state.waiters.append(waiter)
            return .wait(waiter)
        }
    }

    private func forget(_ waiter: OneShot<Bool>) {
        state.withLockedValue { $0.waiters.removeAll { $0 === waiter } }
    }

    private static var keptCapacity: Int { 256 }
    private static var handledTogether: Int { 128 }
}
