extension [UInt8] {
    /// Appends `number` in decimal, with leading zeros if it has fewer than `width` digits.
    package mutating func append(decimal number: UInt64, width: Int = 1) {
        if number >= 10 || width > 1 { append(decimal: number / 10, width: width - 1) }
        append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}
