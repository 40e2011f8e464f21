internal import NIOConcurrencyHelpers
internal import SelfTest
internal import ServiceLifecycle
internal import Testing

@testable internal import SecureMesh

@Suite("Events for their consumers", .timeLimit(.minutes(10)))
struct EventSourceTests {
    /// A numbered event, or the event that reports the number of missed events.
    private enum Event: Hashable {
        case number(Int)
        case missed(Int)
    }

    private static func source(limit: Int, byteLimit: Int = .max) -> EventSource<Event> {
        EventSource(limit: limit, byteLimit: byteLimit) { .missed($0) }
    }

    private static func all(_ events: MeshEvents<Event>) async -> [Event] {
        var all: [Event] = []
        for await event in events { all.append(event) }
        return all
    }

    @Test("each consumer gets each event, and the first one also those from before it")
    func consumers() async {
        let source = Self.source(limit: 100)
        #expect(source.yield(.number(1), isMessage: false))
        let first = source.subscribe()
        #expect(source.yield(.number(2), isMessage: false))
        let second = source.subscribe()
        #expect(source.yield(.number(3), isMessage: true))
        source.finish()
        #expect(await Self.all(first) == [.number(1), .number(2), .number(3)])
        #expect(await Self.all(second) == [.number(3)])
        #expect(await Self.all(source.subscribe()).isEmpty)
    }

    @Test("events are handled at once only while the consumer waits, so that all keep their order")
    func handled() async {
        let source = Self.source(limit: 100)
        let handled = NIOLockedValueBox<[Event]>([])
        let events = source.subscribe { event in
            guard event != .number(4) else { return false }
            handled.withLockedValue { $0.append(event) }
            return true
        }
        // The consumer has not begun to wait, so the source keeps the event.
        _ = source.yield(.number(1), isMessage: true)
        #expect(handled.withLockedValue { $0 }.isEmpty)
        let rest = Task { await Self.all(events) }
        // The consumer takes the first event and then waits for more.
        while handled.withLockedValue({ $0 }).isEmpty {
            _ = source.yield(.number(2), isMessage: true)
            await Task.yield()
        }
        _ = source.yield([(.number(3), 1), (.number(4), 1), (.number(5), 1)])
        source.finish()
        let kept = await rest.value
        #expect(handled.withLockedValue { $0 } == [.number(2), .number(3)])
        #expect(kept.first == .number(1) && kept.suffix(2) == [.number(4), .number(5)])
        #expect(kept.dropFirst().dropLast(2).allSatisfy { $0 == .number(2) })
    }

    @Test("many events together do not delay the event loop: the consumer's task handles them")
    func manyTogether() async {
        let source = Self.source(limit: 1_000)
        let handled = NIOLockedValueBox(0)
        let events = source.subscribe { _ in
            handled.withLockedValue { $0 += 1 }
            return true
        }
        let rest = Task { await Self.all(events) }
        while handled.withLockedValue({ $0 }) == 0 {
            _ = source.yield(.number(0), isMessage: false)
            await Task.yield()
        }
        // One DELTA has at most 122 changes. A first snapshot may have thousands of entries.
        let before = handled.withLockedValue { $0 }
        _ = source.yield((1...122).map { (.number($0), nil) })
        #expect(handled.withLockedValue { $0 } == before + 122)
        _ = source.yield((1...500).map { (.number($0), nil) })
        #expect(handled.withLockedValue { $0 } == before + 122)
        source.finish()
        #expect(await rest.value.suffix(500) == (1...500).map { .number($0) })
    }

    @Test("a consumer that comes after the end gets the events from before the first consumer")
    func late() async {
        let source = Self.source(limit: 100)
        #expect(source.yield(.number(1), isMessage: false))
        source.finish()
        #expect(await Self.all(source.subscribe()) == [.number(1)])
    }

    @Test("events beyond the limit are dropped, and one event in their place says how many")
    func overflow() async {
        let source = Self.source(limit: 4)
        let slow = source.subscribe()
        let other = source.subscribe()
        var iterator = other.makeAsyncIterator()
        for number in 1...6 {
            #expect(source.yield(.number(number), isMessage: false) == (number <= 4))
            #expect(await iterator.next() == .number(number))
        }
        var slowIterator = slow.makeAsyncIterator()
        #expect(await slowIterator.next() == .number(1))
        // There is room for one event, but the count of missed events needs room too. So this event is dropped.
        #expect(!source.yield(.number(7), isMessage: false))
        #expect(await slowIterator.next() == .number(2))
        #expect(source.yield(.number(8), isMessage: false))
        source.finish()
        #expect(await Self.all(slow) == [.number(3), .number(4), .missed(3), .number(8)])
    }

    @Test("a count of dropped events comes before the end")
    func missedAtTheEnd() async {
        let source = Self.source(limit: 4)
        let slow = source.subscribe()
        for number in 1...9 { _ = source.yield(.number(number), isMessage: true) }
        source.finish()
        #expect(await Self.all(slow) == [.number(1), .number(2), .number(3), .missed(6)])
    }

    @Test("the last quarter of the room is not for messages, so that a flood of them hides nothing else")
    func messages() async {
        let source = Self.source(limit: 100)
        let slow = source.subscribe()
        for number in 1...500 { _ = source.yield(.number(number), isMessage: true) }
        #expect(source.yield(.number(0), isMessage: false))
        source.finish()
        let events = await Self.all(slow)
        #expect(events == (1...75).map { .number($0) } + [.missed(425), .number(0)])
    }

    @Test("large messages fill the room in bytes; what is dropped is counted, and other events still have room")
    func bytes() async {
        let source = Self.source(limit: 100, byteLimit: 100_000)
        let slow = source.subscribe()
        var iterator = slow.makeAsyncIterator()
        let dropped = (1...10).map { source.yield([(.number($0), 40_000)]) }
        #expect(dropped == [0, 0] + Array(repeating: 1, count: 8))
        #expect(source.yield([(.number(11), nil)]) == 0)
        // When the consumer takes an event, there is room for another one.
        #expect(await iterator.next() == .number(1))
        #expect(source.yield([(.number(12), 40_000)]) == 0)
        #expect(source.yield([(.number(13), 40_000)]) == 1)
        source.finish()
        #expect(await Self.all(slow) == [.number(2), .missed(8), .number(11), .number(12), .missed(1)])
    }

    @Test("a consumer that is gone costs nothing: nothing is kept for it")
    func gone() {
        let source = Self.source(limit: 4)
        weak var buffer: EventBuffer<Event>?
        do {
            let events = source.subscribe()
            #expect(source.yield(.number(1), isMessage: false))
            let iterator = events.makeAsyncIterator()
            buffer = iterator.subscription.buffer
            #expect(buffer != nil)
        }
        #expect(buffer == nil)
        for number in 1...9 { #expect(source.yield(.number(number), isMessage: false)) }
    }

    @Test("a consumer that waits is woken by an event, by the end and by its cancellation")
    func waiting() async {
        let source = Self.source(limit: 4)
        async let woken = Self.all(source.subscribe())
        let cancelled = Task { await Self.all(source.subscribe()) }
        #expect(source.yield(.number(1), isMessage: false))
        cancelled.cancel()
        _ = await cancelled.value
        #expect(source.yield(.number(2), isMessage: false))
        source.finish()
        #expect(await woken.last == .number(2))
    }

    @Test("a value that is given before it is waited for is not lost, and the first one counts")
    func oneShot() async {
        let value = OneShot<Int>()
        value.give(1)
        value.give(2)
        #expect(await value.value(ifCancelled: 3) == 1)
        let cancelled = Task { await OneShot<Int>().value(ifCancelled: 3) }
        cancelled.cancel()
        #expect(await cancelled.value == 3)
    }
}

extension EventSource {
    /// Yields one event.
    ///
    /// - Returns: False if the source dropped the event.
    fileprivate func yield(_ event: Event, isMessage: Bool) -> Bool { yield([(event, isMessage ? 1 : nil)]) == 0 }
}
