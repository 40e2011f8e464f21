internal import HeapModule
package import SecureMeshCore

/// The queue of a virtual mesh, ordered by time and then by insertion. Entries are numbered, because a heap alone keeps
/// no order among equal times.
package struct Schedule {
    package enum Action {
        /// The flight that is stored at this index arrives.
        case arrive(Int)
        case wake(ProcessOwner)
        /// The process has handled all datagrams that were in its sockets when its machine emitted `drain`.
        case drained(ProcessOwner)
        /// The core with this index has ended a piece of work, or begins to work.
        case compute(Int)
        /// The new process of the peer has got a core for the first time.
        case began(Int)
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
            // Comparing instants directly would call into another module, millions of times.
            let (earlier, later) = (left.at.nanoseconds, right.at.nanoseconds)
            return earlier == later ? left.sequence < right.sequence : earlier < later
        }
    }

    private var entries = Heap<Entry>()
    private var sequence: UInt64 = 0
    private var flights: [Flight?] = []
    private var free: [Int] = []

    package mutating func put(_ action: Action, at: Instant) {
        sequence += 1
        entries.insert(Entry(at: at, sequence: sequence, action: action))
    }

    package mutating func put(_ flight: Flight, at: Instant) {
        let slot = free.popLast() ?? flights.count
        if slot < flights.count { flights[slot] = flight } else { flights.append(flight) }
        put(.arrive(slot), at: at)
    }

    /// Removes and returns the next entry; nil if no entry is due by `end`.
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

    /// The number of datagrams under way.
    var inFlight: Int { flights.count - free.count }
}
