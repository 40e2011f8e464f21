package import SecureMeshCore

/// A change of the bytes of a datagram, such as an attacker, a faulty network or a fuzzer makes. Indices are taken
/// modulo the number of bytes.
package enum Tampering: Sendable {
    case flip(index: Int, mask: UInt8)
    case set(index: Int, to: UInt8)
    case remove(index: Int)
    case insert(UInt8, index: Int)
    case swap(index: Int, with: Int)
    case truncate(by: Int)
    case extend(with: [UInt8])

    /// Chooses at random a change of one or two bytes in a datagram of `size` bytes. The change may have no effect.
    package init(_ random: inout RandomSource, size: Int) {
        guard size > 0 else {
            self = .extend(with: [0])
            return
        }
        let index = random.below(size)
        switch random.below(5) {
        case 0: self = .flip(index: index, mask: 1 << UInt8(random.below(8)))
        case 1: self = .set(index: index, to: random.element(of: [0, 1, 4, 6, 0x7F, 0xFF]))
        case 2: self = .remove(index: index)
        case 3: self = .insert(UInt8(truncatingIfNeeded: random.next()), index: index)
        default: self = .swap(index: index, with: random.below(size))
        }
    }

    package func apply(to bytes: inout [UInt8]) {
        switch self {
        case .truncate(let count): bytes.removeLast(min(count, bytes.count))
        case .extend(let tail): bytes += tail
        case _ where bytes.isEmpty: break
        case .flip(let index, let mask): bytes[index % bytes.count] ^= mask
        case .set(let index, let byte): bytes[index % bytes.count] = byte
        case .remove(let index): bytes.remove(at: index % bytes.count)
        case .insert(let byte, let index): bytes.insert(byte, at: index % bytes.count)
        case .swap(let index, let other): bytes.swapAt(index % bytes.count, other % bytes.count)
        }
    }
}
