internal import NIOConcurrencyHelpers

/// What happens, in order: for one consumer.
///
/// Holds at most 4,096 events that nobody has taken, 3,072 of them messages; beyond that the newest are dropped, counted
/// and logged. So a consumer that stands still costs no memory, and a flood of messages hides no revocation.
public struct MeshEvents<Event: Sendable>: AsyncSequence, Sendable {
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var base: AsyncStream<Event>.AsyncIterator
        fileprivate let waiting: NIOLockedValueBox<Int>

        public mutating func next() async -> Event? {
            await next(isolation: nil)
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> Event? {
            let event = await base.next(isolation: actor)
            if event != nil { waiting.withLockedValue { $0 -= 1 } }
            return event
        }
    }

    private let stream: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation
    private let waiting = NIOLockedValueBox(0)
    private let limit: Int

    init(limit: Int = Limits.events) {
        self.limit = limit
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(limit))
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: stream.makeAsyncIterator(), waiting: waiting)
    }

    /// False if the event had to be dropped. The last quarter of the room is not for messages.
    func yield(_ event: Event, isMessage: Bool) -> Bool {
        let hasRoom = waiting.withLockedValue { waiting in
            guard waiting < (isMessage ? limit - limit / 4 : limit) else { return false }
            waiting += 1
            return true
        }
        if hasRoom { continuation.yield(event) }
        return hasRoom
    }

    func finish() {
        continuation.finish()
    }
}
