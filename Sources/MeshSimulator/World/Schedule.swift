internal import HeapModule
internal import SecureMeshCore

/// What is to happen, by time and then in the order in which it was put down: a heap alone has no order among equals.
struct Schedule {
    enum Action {
        /// The flight in that slot.
        case arrive(Int)
        case wakeServer
        /// Everything that was in the server's sockets when it asked has been handed over.
        case drained
        case wakePeer(Int)
        case fault(Int)
        case act(Int)
        case speak(Int)
        case sample
    }

    struct Entry: Comparable {
        let at: Instant
        let sequence: UInt64
        let action: Action

        static func == (left: Entry, right: Entry) -> Bool { left.sequence == right.sequence }

        static func < (left: Entry, right: Entry) -> Bool {
            // As numbers: millions of them are compared, and those of another module's type are calls.
            let (earlier, later) = (left.at.nanoseconds, right.at.nanoseconds)
            return earlier == later ? left.sequence < right.sequence : earlier < later
        }
    }

    private var entries = Heap<Entry>()
    private var sequence: UInt64 = 0
    private var flights: [Flight?] = []
    private var free: [Int] = []

    mutating func put(_ action: Action, at: Instant) {
        sequence += 1
        entries.insert(Entry(at: at, sequence: sequence, action: action))
    }

    mutating func put(_ flight: Flight, at: Instant) {
        let slot: Int
        if let used = free.popLast() {
            flights[used] = flight
            slot = used
        } else {
            slot = flights.count
            flights.append(flight)
        }
        put(.arrive(slot), at: at)
    }

    /// The next entry, if it is not after `end`.
    mutating func next(until end: Instant) -> Entry? {
        guard let first = entries.min, first.at.nanoseconds <= end.nanoseconds else { return nil }
        return entries.removeMin()
    }

    mutating func take(_ slot: Int) -> Flight? {
        defer {
            flights[slot] = nil
            free.append(slot)
        }
        return flights[slot]
    }

    /// Datagrams under way.
    var inFlight: Int { flights.count - free.count }
}
