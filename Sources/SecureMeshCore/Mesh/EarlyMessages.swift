/// A buffer of MESSAGE datagrams that have arrived while this peer joins and cannot check them yet.
///
/// A member that lists this peer may send messages to it before this peer has its first PULSE or the whole directory.
/// Then the session of this peer is not trusted yet, or the sender is unknown. Such datagrams are buffered, and are
/// checked like new ones when more of the directory has arrived (PROTOCOL.md, section 7.3). Nothing in these datagrams
/// is authenticated, so their number, their bytes and the time in the buffer have limits.
package struct EarlyMessages: Sendable {
    package struct Arrival: Sendable {
        package let datagram: [UInt8]
        package let path: Path
        /// The instant at which the datagram expires.
        package let until: Instant
    }

    private var arrivals: [Arrival] = []
    private var byteCount = 0

    package init() {}

    package var count: Int { arrivals.count }
    package var isEmpty: Bool { arrivals.isEmpty }

    package var usages: [Usage] {
        [
            Usage("early messages", arrivals.count, limit: Limits.earlyMessages),
            Usage("bytes of early messages", byteCount, limit: Limits.earlyMessageBytes),
        ]
    }

    /// Keeps a datagram. Returns false if there is no room for it.
    package mutating func keep(_ datagram: Span<UInt8>, path: Path, until: Instant) -> Bool {
        guard arrivals.count < Limits.earlyMessages, byteCount + datagram.count <= Limits.earlyMessageBytes else {
            return false
        }
        arrivals.append(Arrival(datagram: [UInt8](copying: datagram), path: path, until: until))
        byteCount += datagram.count
        return true
    }

    /// Removes all datagrams, and returns those that have not expired at `now`, in the order in which they arrived.
    package mutating func take(_ now: Instant) -> [Arrival] {
        defer { self = EarlyMessages() }
        return arrivals.filter { now < $0.until }
    }
}
