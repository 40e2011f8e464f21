/// What happens, in order: for one consumer.
///
/// Holds at most 4,096 events that nobody has taken; beyond that the newest are dropped, counted and logged, so that
/// a consumer that stands still costs no memory.
public struct MeshEvents<Event: Sendable>: AsyncSequence, Sendable {
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var base: AsyncStream<Event>.AsyncIterator

        public mutating func next() async -> Event? {
            await base.next()
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> Event? {
            await base.next(isolation: actor)
        }
    }

    private let stream: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation

    init(limit: Int = Limits.events) {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(limit))
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: stream.makeAsyncIterator())
    }

    /// False if the event had to be dropped.
    func yield(_ event: Event) -> Bool {
        if case .dropped = continuation.yield(event) { false } else { true }
    }

    func finish() {
        continuation.finish()
    }
}
