#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A point in time by the clock of the host, in whole milliseconds.
///
/// Its text is that of RFC 3339 in UTC: `2026-01-31T12:00:00.250Z`.
package struct Timestamp: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The milliseconds since the beginning of 1970.
    package let milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// The present time.
    package static var now: Timestamp {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
    }

    /// Reads the text of a time; nil if it does not have exactly the form of `description`.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 24, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] == 0x54, bytes[13] == 0x3A,
            bytes[16] == 0x3A, bytes[19] == 0x2E, bytes[23] == 0x5A
        else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            bytes[range].reduce(Optional(0)) { value, byte in
                guard let value, (0x30...0x39).contains(byte) else { return nil }
                return value * 10 + Int64(byte - 0x30)
            }
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), let fraction = number(20..<23),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        let seconds = (Self.days(year, month, day) * 24 + hour) * 3_600 + minute * 60 + second
        milliseconds = seconds * 1_000 + fraction
        // The last days of some months.
        guard description == text else { return nil }
    }

    package var description: String {
        let (days, rest) = Self.divide(milliseconds, by: Self.day)
        let (year, month, day) = Self.date(days)
        let (seconds, fraction) = (rest / 1_000, rest % 1_000)
        // A status has a time per member, and string interpolation takes most of the time for it.
        var text: [UInt8] = []
        text.reserveCapacity(24)
        Self.append(year, 4, then: "-", to: &text)
        Self.append(month, 2, then: "-", to: &text)
        Self.append(day, 2, then: "T", to: &text)
        Self.append(seconds / 3_600, 2, then: ":", to: &text)
        Self.append(seconds / 60 % 60, 2, then: ":", to: &text)
        Self.append(seconds % 60, 2, then: ".", to: &text)
        Self.append(fraction, 3, then: "Z", to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .milliseconds(later.milliseconds - earlier.milliseconds)
    }

    private static let day: Int64 = 86_400_000

    private static func divide(_ number: Int64, by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// Returns the number of days from 1970-01-01 to a date of the Gregorian calendar. The year begins in March here,
    /// so that the day that a leap year has more is its last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = divide(shifted, by: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Returns the date that is `days` days after 1970-01-01.
    private static func date(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divide(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted + (shifted < 10 ? 3 : -9)
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }

    /// Appends a number of at least `width` digits and a character.
    private static func append(_ number: Int64, _ width: Int, then end: Unicode.Scalar, to text: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<width { divisor *= 10 }
        if (0..<divisor * 10).contains(number) {
            while divisor > 0 {
                text.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
                divisor /= 10
            }
        } else {
            text.append(contentsOf: String(number).utf8)
        }
        text.append(UInt8(ascii: end))
    }
}

extension Timestamp: Codable {
    package init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let time = Timestamp(text) else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "not a time: \(text)"))
        }
        self = time
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
