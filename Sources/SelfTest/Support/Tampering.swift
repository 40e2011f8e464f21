internal import MeshSimulator
package import SecureMeshCore

extension RandomSource {
    /// Does to `bytes` what a broken network, a mistaken implementation or an attacker may do: once, and not so that
    /// it must show.
    package mutating func harm(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return bytes.append(0) }
        let index = below(bytes.count)
        switch below(5) {
        case 0: bytes[index] ^= 1 << UInt8(below(8))
        case 1: bytes[index] = element(of: [0, 1, 4, 6, 0x7F, 0xFF])
        case 2: bytes.remove(at: index)
        case 3: bytes.insert(UInt8(truncatingIfNeeded: next()), at: index)
        default: bytes.swapAt(index, below(bytes.count))
        }
    }
}
