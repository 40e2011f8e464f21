internal import SecureMeshCore

/// The receive buffer of a socket: the datagrams that have arrived and have not been read yet.
struct Inbox {
    private var flights: [Flight] = []
    private var head = 0
    private var bytes = 0

    var isEmpty: Bool { head == flights.count }

    /// Adds a datagram for which the kernel counts `size` bytes. Returns false if the buffer is full.
    mutating func put(_ flight: Flight, size: Int, limit: Int) -> Bool {
        guard bytes + size <= limit else { return false }
        bytes += size
        flights.append(flight)
        return true
    }

    /// Removes and returns the first datagram, and frees the `kernelSize` bytes that the kernel counts for it. Returns
    /// nil if there is no datagram.
    mutating func takeFirst() -> Flight? {
        guard head < flights.count else { return nil }
        let flight = flights[head]
        head += 1
        bytes -= Self.kernelSize(flight.bytes.count)
        if head == flights.count {
            flights.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 1_024, head * 2 > flights.count {
            flights.removeFirst(head)
            head = 0
        }
        return flight
    }

    /// Removes and returns all datagrams.
    mutating func takeAll() -> [Flight] {
        defer { self = Inbox() }
        return Array(flights[head...])
    }

    /// Returns the number of bytes that Linux 6.18 counts for a datagram of `count` bytes. It is the sum of the
    /// datagram's buffer, rounded up to a size of the kernel's allocator, and 256 bytes for the descriptor of the
    /// buffer.
    static func kernelSize(_ count: Int) -> Int {
        switch count {
        case ..<200: 832
        case ..<648: 1_280
        case ..<1_672: 2_304
        default: (count + 4_095) / 4_096 * 4_096 + 256
        }
    }
}
