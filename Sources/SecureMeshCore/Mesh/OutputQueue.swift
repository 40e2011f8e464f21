/// The outputs that `pollOutput` has not returned yet, in the order in which they were made.
package struct OutputQueue<Event: Sendable>: Sendable {
    private var waiting: [Output<Event>] = []
    private var head = 0

    package init() {}

    package mutating func push(_ output: consuming Output<Event>) {
        waiting.append(output)
    }

    package mutating func pop() -> Output<Event>? {
        guard head < waiting.count else {
            // The first directory makes one event per member. This is rare, so a large buffer is freed.
            waiting.removeAll(keepingCapacity: waiting.capacity <= Self.keptCapacity)
            head = 0
            return nil
        }
        // The output is moved out of the array, and `drain` takes its place. A copy would cost more, because it would
        // retain and later release the output's memory.
        var next = Output<Event>.drain
        swap(&next, &waiting[head])
        head += 1
        return next
    }

    private static var keptCapacity: Int { 256 }
}
