import SecureMeshCore

/// Computes two different 64-bit hashes of the same sequence of numbers. Each step is one-to-one in the added number
/// and in the previous state. So two sequences of the same length that differ in exactly one number never have the same
/// hash.
struct Digest {
    /// The purpose of a hash. The purpose determines the initial state, so equal inputs have different hashes for
    /// different purposes.
    enum Use: UInt64 {
        case signature = 1, seal, identity, ephemeral, watch
    }

    private var a: UInt64
    private var b: UInt64

    init(_ use: Use, _ key: Bytes32) {
        a = use.rawValue
        b = ~use.rawValue
        let numbers = key.littleEndian
        add(numbers.0)
        add(numbers.1)
        add(numbers.2)
        add(numbers.3)
    }

    mutating func add(_ number: UInt64) {
        a = (a ^ number) &* 0xFF51_AFD7_ED55_8CCD
        a ^= a >> 32
        b = (b &+ number) &* 0xC4CE_B9FE_1A85_EC53
        b ^= b >> 29
    }

    /// Adds the first `end` bytes of `span`, and then `end`.
    mutating func add(_ span: Span<UInt8>, upTo end: Int) {
        let bytes = span.extracting(0..<end)
        var offset = 0
        while offset + 8 <= bytes.count {
            add(bytes.littleEndian(at: offset))
            offset += 8
        }
        var rest: UInt64 = 0
        for index in offset..<bytes.count { rest = rest << 8 | UInt64(bytes[index]) }
        add(rest)
        add(UInt64(end))
    }

    var value: (UInt64, UInt64) { (Self.mixed(a), Self.mixed(b)) }

    private static func mixed(_ number: UInt64) -> UInt64 {
        let folded = (number ^ number >> 31) &* 0x94D0_49BB_1331_11EB
        return folded ^ folded >> 30
    }
}
