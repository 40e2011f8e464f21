/// The parts of a SNAPSHOT that a server sends at once (PROTOCOL.md, section 6.5).
///
/// The bursts of a snapshot begin at fixed parts. The first burst has `Limits.firstBurst` parts. Each further burst has
/// twice as many parts as the burst before it, up to `Limits.mostSnapshotParts`. So a peer knows the last part of a
/// burst, and asks for the next burst as soon as it has all parts up to that one. If a peer asks for a part in the
/// middle of a burst, that part was lost, and the server sends only a few parts (`Limits.resentParts`).
package enum SnapshotBurst {
    /// Returns the end of the range of parts with which a server answers a request for `part`. The end is the number of
    /// the first part after this range. The snapshot may end earlier.
    package static func end(from part: Int) -> Int {
        var (start, size) = (0, Limits.firstBurst)
        while start + size <= part {
            start += size
            size = min(size * 2, Limits.mostSnapshotParts)
        }
        return part == start ? start + size : min(part + Limits.resentParts, start + size)
    }

    /// Returns the number of bursts in which a snapshot of `parts` parts is sent if nothing is lost.
    package static func count(parts: Int) -> Int {
        var (bursts, start) = (0, 0)
        while start < parts {
            start = end(from: start)
            bursts += 1
        }
        return bursts
    }
}
