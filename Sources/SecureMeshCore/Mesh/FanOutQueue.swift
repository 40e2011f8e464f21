/// The payloads that are not yet sealed for all of their receivers, in the order in which they were added.
///
/// Sealing one payload for ten thousand members takes a tenth of a second. So the server seals in slices, and between
/// two slices it handles the datagrams that have arrived. Each member gets its payloads in the order in which they were
/// added.
struct FanOutQueue: Sendable {
    private struct Item: Sendable {
        let payload: SignedPayload
        let receivers: [SessionID]
        var next = 0
    }

    private var items: [Item] = []
    private var head = 0

    var isEmpty: Bool { head == items.count }

    /// True if the next payload is a PULSE.
    var nextIsPulse: Bool { !isEmpty && items[head].payload.kind == .pulse }

    /// True if a PULSE waits to be sealed.
    var hasPulse: Bool { items[head...].contains { $0.payload.kind == .pulse } }

    /// True if no payload other than a PULSE waits to be sealed. This includes an empty queue.
    var holdsOnlyPulses: Bool { items[head...].allSatisfy { $0.payload.kind == .pulse } }

    /// Empties a queue that holds only a PULSE. Returns the receivers for which this PULSE is not sealed yet.
    mutating func removePulse() -> [SessionID] {
        let rest = items[head...].flatMap { $0.receivers[$0.next...] }
        (items, head) = ([], 0)
        return rest
    }

    mutating func add(_ payload: SignedPayload, for receivers: [SessionID]) {
        if !receivers.isEmpty { items.append(Item(payload: payload, receivers: receivers)) }
    }

    /// Returns the next payload with its next receiver, and removes this receiver from the queue; nil if the queue is
    /// empty.
    mutating func next() -> (SignedPayload, SessionID)? {
        guard head < items.count else { return nil }
        let index = items[head].next
        let result = (items[head].payload, items[head].receivers[index])
        items[head].next += 1
        if index + 1 == items[head].receivers.count { head += 1 }
        if head == items.count { (items, head) = ([], 0) }
        return result
    }
}
