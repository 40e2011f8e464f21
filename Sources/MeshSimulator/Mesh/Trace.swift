internal import SecureMeshCore

/// A running hash of all steps and datagrams of a mesh. Two runs of a seed have the same hash if the same things happen
/// in them, and almost certainly different hashes otherwise.
package struct Trace: Hashable, Sendable {
    private(set) package var hash: UInt64 = 0x5EC0_4E3E_5B00_0001
    private(set) package var steps = 0

    mutating func step(_ action: UInt64, at: Instant, subject: Int) {
        steps += 1
        mix(UInt64(bitPattern: at.nanoseconds) ^ action << 56)
        mix(UInt64(bitPattern: Int64(subject)))
    }

    /// Adds the size and the last 8 bytes of a datagram to the hash. In a sealed datagram these bytes are a part of the
    /// tag, which depends on every byte of the datagram.
    mutating func datagram(_ bytes: [UInt8]) {
        mix(UInt64(bytes.count))
        mix(bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    mutating func mix(_ value: UInt64) {
        var mixed = (hash ^ value) &* 0x9E37_79B9_7F4A_7C15
        mixed ^= mixed >> 32
        hash = mixed &* 0xD6E8_FEB8_6659_FD93
    }
}
