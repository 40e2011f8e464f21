package import MeshSimulator
import SecureMeshCore

/// An input that is read as a sequence of choices. After the end of the bytes, every choice is 0. So each prefix of an
/// input is also a valid input.
package struct FuzzInput {
    private let bytes: [UInt8]
    private var offset = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package var isAtEnd: Bool { offset >= bytes.count }

    package mutating func byte() -> UInt8 {
        guard offset < bytes.count else { return 0 }
        defer { offset += 1 }
        return bytes[offset]
    }

    /// Returns a number below `limit`. `limit` is at most 256.
    package mutating func below(_ limit: Int) -> Int {
        Int(byte()) % max(limit, 1)
    }

    package mutating func uint16() -> UInt16 {
        let high = UInt16(byte())
        return high << 8 | UInt16(byte())
    }

    /// Returns a number. For most inputs, the number is near `base`. For the others, it is about `windowSize` above
    /// `base`, at an end of a range, or random.
    package mutating func number(near base: UInt64) -> UInt64 {
        switch byte() {
        case let small where small < 0xC0: base &+ UInt64(small % 8)
        case let small where small < 0xE0: base &- UInt64(small % 8)
        case 0xE0: 0
        case 0xE1: .max
        case 0xE2: ProtocolConstants.counterLimit - 1
        case 0xE3: ProtocolConstants.counterLimit
        case let far where far < 0xF0: base &+ ProtocolConstants.windowSize &- UInt64(far % 4)
        default: (0..<8).reduce(0) { value, _ in value << 8 | UInt64(byte()) }
        }
    }

    package mutating func element<Element>(of choices: [Element]) -> Element {
        choices[below(choices.count)]
    }

    package mutating func flag() -> Bool { byte() & 1 == 1 }

    /// Returns the next `count` bytes; fewer if the input ends before that.
    package mutating func take(_ count: Int) -> [UInt8] {
        let end = min(offset + count, bytes.count)
        defer { offset = end }
        return Array(bytes[offset..<end])
    }
}

extension Tampering {
    package init(_ input: inout FuzzInput) {
        switch input.below(3) {
        case 0: self = .flip(index: Int(input.uint16()), mask: input.byte())
        case 1: self = .truncate(by: 1 + input.below(80))
        default: self = .extend(with: Array((input.take(1 + input.below(8)) + [0]).prefix(8)))
        }
    }
}
