/// The events of a ``MeshPeer`` or a ``MeshServer``, in the order in which they happened.
///
/// Each access to ``MeshPeer/events`` or ``MeshServer/events`` makes a new sequence for one consumer. There may be any
/// number of sequences. The first sequence begins with the first event, even if that event happened before the access.
/// Each later sequence begins at its access.
///
/// A sequence keeps at most 4,096 events that its consumer has not taken. At most 3,072 of them are messages, and the
/// bodies of these messages have at most 16 MiB together. A server keeps at least twice as many events as it may have
/// members. Further events are dropped for this consumer. In their place the consumer gets one event `missed` with the
/// number of dropped events.
///
/// The sequence ends when `run()` has ended or can no longer be called, when the task that iterates is canceled, and
/// when the `ServiceGroup` in which that task runs shuts down gracefully. So a service whose `run()` is a loop over a
/// sequence ends with its group.
public struct MeshEvents<Event: Sendable>: AsyncSequence, Sendable {
    /// Takes the events of a sequence, one after another.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let subscription: EventSubscription<Event>

        /// Waits for the next event and takes it. No other iterator of the same sequence gets this event.
        ///
        /// - Returns: The event; nil at the end of the sequence.
        public mutating func next() async -> Event? {
            await subscription.buffer.next()
        }

        /// Waits for the next event and takes it, without leaving the actor. No other iterator of the same sequence
        /// gets this event.
        ///
        /// - Returns: The event; nil at the end of the sequence.
        @specialized(where Event == PeerEvent)
        public mutating func next(isolation actor: isolated (any Actor)?) async -> Event? {
            await subscription.buffer.next(isolation: actor)
        }
    }

    private let subscription: EventSubscription<Event>

    init(_ subscription: EventSubscription<Event>) {
        self.subscription = subscription
    }

    /// Returns an iterator. The iterators of one sequence share its events.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(subscription: subscription)
    }
}
