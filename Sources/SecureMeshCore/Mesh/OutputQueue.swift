/// The outputs that `pollOutput` has not returned yet, in the order in which they were made.
package struct OutputQueue<Event: Sendable>: Sendable {
    private var waiting: [Output<Event>] = []
    private var head = 0

    package init() {}

    package mutating func push(_ output: Output<Event>) {
        waiting.append(output)
    }

    package mutating func pop() -> Output<Event>? {
        guard head < waiting.count else {
            // The first directory makes one event per member. This is rare, so a large buffer is freed.
            waiting.removeAll(keepingCapacity: waiting.capacity <= Self.keptCapacity)
            head = 0
            return nil
        }
        defer { head += 1 }
        return waiting[head]
    }

    private static var keptCapacity: Int { 256 }
}
