#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif
internal import SecureMesh

/// A point in time by the host's clock or by a `ProcessClock`, in whole milliseconds.
///
/// Its text has the format of RFC 3339, in UTC: `2026-01-31T12:00:00.250Z`.
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

    /// Parses a time; returns nil if the text does not have exactly the format of `description`.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 24 else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            bytes[range].reduce(Optional(0)) { value, byte in
                guard let value, (0x30...0x39).contains(byte) else { return nil }
                return value * 10 + Int64(byte - 0x30)
            }
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), let fraction = number(20..<23),
            let date = CalendarDay(year: year, month: month, day: day)
        else { return nil }
        milliseconds = (((date.daysSince1970 * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + fraction
        // This comparison checks the marks between the numbers, and the ranges of hours, minutes and seconds.
        guard description == text else { return nil }
    }

    package var description: String { String(decoding: text, as: UTF8.self) }

    /// The UTF-8 bytes of `description`.
    var text: [UInt8] {
        let (seconds, fraction) = CalendarDay.divide(milliseconds, by: 1_000)
        return CalendarDay.text(ofSecond: seconds, milliseconds: fraction)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.milliseconds < right.milliseconds
    }

    /// Returns the time that is `milliseconds` later, or earlier if `milliseconds` is negative.
    package func moved(by milliseconds: Int64) -> Timestamp {
        Timestamp(milliseconds: self.milliseconds + milliseconds)
    }

    package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
        .milliseconds(later.milliseconds - earlier.milliseconds)
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
