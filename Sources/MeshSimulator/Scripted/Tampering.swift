/// What is done to bytes on their way: the harm that a mutator, an attacker or a broken network may do.
package enum Mutation: Sendable {
    case flip(index: Int, mask: UInt8)
    case truncate(by: Int)
    case extend(with: [UInt8])

    package func apply(to bytes: inout [UInt8]) {
        switch self {
        case .flip(let index, let mask): if !bytes.isEmpty { bytes[index % bytes.count] ^= mask }
        case .truncate(let count): bytes.removeLast(min(count, bytes.count))
        case .extend(let tail): bytes.append(contentsOf: tail)
        }
    }
}
