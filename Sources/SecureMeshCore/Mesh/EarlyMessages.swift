/// A buffer of MESSAGE datagrams that have arrived while this peer joins and cannot check them yet.
///
/// A member that lists this peer may send messages to it before this peer has its first PULSE or the whole directory.
/// Then the session of this peer is not trusted yet, or the sender is unknown. Such datagrams are buffered, and are
/// checked like new ones when this peer has joined (PROTOCOL.md, section 7.3). Nothing in these datagrams is
/// authenticated, so their number, their bytes and the time in the buffer have limits.
package struct EarlyMessages: Sendable {
    package struct Arrival: Sendable {
        package let datagram: [UInt8]
        package let path: Path
        /// The reason why the datagram is refused if it is not checked again.
        package let failed: Rejection
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

    /// Keeps a datagram that has failed a check. Returns false if there is no room for it.
    package mutating func keep(_ datagram: Span<UInt8>, path: Path, failed: Rejection, until: Instant) -> Bool {
        guard arrivals.count < Limits.earlyMessages, byteCount + datagram.count <= Limits.earlyMessageBytes else {
            return false
        }
        arrivals.append(Arrival(datagram: [UInt8](copying: datagram), path: path, failed: failed, until: until))
        byteCount += datagram.count
        return true
    }

    /// Removes the datagrams that have expired at `now`, and returns them.
    package mutating func takeExpired(_ now: Instant) -> [Arrival] {
        let expired = arrivals.filter { $0.until <= now }
        guard !expired.isEmpty else { return [] }
        arrivals.removeAll { $0.until <= now }
        byteCount -= expired.reduce(0) { $0 + $1.datagram.count }
        return expired
    }

    /// Removes all datagrams, and returns them in the order in which they arrived.
    package mutating func takeAll() -> [Arrival] {
        defer { self = EarlyMessages() }
        return arrivals
    }
}
