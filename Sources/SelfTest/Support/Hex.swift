internal import SecureMeshCore

/// Returns the bytes of a hexadecimal text. Spaces are skipped.
package func unhex(_ hex: String) throws -> [UInt8] {
    var result: [UInt8] = []
    var high: UInt8?
    for character in hex where character != " " {
        let digit = UInt8(try require(character.hexDigitValue, "not hexadecimal: \(hex)"))
        if let first = high {
            result.append(first << 4 | digit)
            high = nil
        } else {
            high = digit
        }
    }
    try require(high == nil, "an odd number of digits: \(hex)")
    return result
}

extension [UInt8] {
    /// The bytes as lower-case hexadecimal digits.
    package var hex: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// The first 48 bytes as `hex`. If there are more than 48, the total number of bytes follows.
    package var excerpt: String {
        count <= 48 ? hex : "\([UInt8](prefix(48)).hex)… (\(count) bytes)"
    }

    package init(bigEndian value: UInt64) {
        self = []
        append(bigEndian: value)
    }

    /// Returns a copy with one bit flipped. Bit 0 is the most significant bit of the first byte.
    package func flipping(bit: Int) -> [UInt8] {
        var copy = self
        copy[bit / 8] ^= 0x80 >> UInt8(bit % 8)
        return copy
    }

    /// Returns a copy in which `replacement` replaces the bytes from `offset` on.
    package func replacing(at offset: Int, with replacement: [UInt8]) -> [UInt8] {
        var copy = self
        copy.replaceSubrange(offset..<(offset + replacement.count), with: replacement)
        return copy
    }

    /// A copy with a correct length field in the header.
    package var withLength: [UInt8] {
        replacing(at: 2, with: [UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)])
    }
}
