/// A day of the Gregorian calendar, in UTC.
package struct CalendarDay: Hashable, Sendable {
    package let year: Int64
    package let month: Int64
    package let day: Int64

    /// Makes a date. Returns nil if `month` is not 1 to 12, or if that month of `year` has no such day.
    package init?(year: Int64, month: Int64, day: Int64) {
        guard (1...12).contains(month), (1...Self.days(of: month, in: year)).contains(day) else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
    }

    /// Makes the date that is `days` days after 1970-01-01.
    package init(daysSince1970 days: Int64) {
        // In this computation a year begins in March, so that the leap day is its last day. An era is 400 years.
        let (era, dayOfEra) = Self.divide(days + Self.daysTo1970, by: Self.daysPerEra)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        month = shifted + (shifted < 10 ? 3 : -9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        day = dayOfYear - (153 * shifted + 2) / 5 + 1
    }

    /// The number of days since 1970-01-01.
    package var daysSince1970: Int64 {
        let (era, yearOfEra) = Self.divide(month <= 2 ? year - 1 : year, by: 400)
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * Self.daysPerEra + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - Self.daysTo1970
    }

    /// Returns the UTF-8 bytes of a time in UTC in the format of RFC 3339, such as `2026-12-31T18:00:00Z`.
    ///
    /// - Parameters:
    ///   - seconds: The time, in seconds since 1970-01-01T00:00:00Z.
    ///   - milliseconds: The fraction of the second, 0 to 999; nil for a text without fraction.
    package static func text(ofSecond seconds: Int64, milliseconds: Int64? = nil) -> [UInt8] {
        let (days, second) = divide(seconds, by: 86_400)
        let date = CalendarDay(daysSince1970: days)
        // A status contains one time per member. With string interpolation, these times would be most of its cost.
        var text: [UInt8] = []
        text.reserveCapacity(24)
        append(date.year, 4, then: "-", to: &text)
        append(date.month, 2, then: "-", to: &text)
        append(date.day, 2, then: "T", to: &text)
        append(second / 3_600, 2, then: ":", to: &text)
        append(second / 60 % 60, 2, then: ":", to: &text)
        append(second % 60, 2, then: milliseconds == nil ? "Z" : ".", to: &text)
        if let milliseconds { append(milliseconds, 3, then: "Z", to: &text) }
        return text
    }

    private static let daysPerEra: Int64 = 146_097
    /// The number of days from 0000-03-01 to 1970-01-01.
    private static let daysTo1970: Int64 = 719_468

    private static func days(of month: Int64, in year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Returns the quotient, rounded down, and the remainder, which is never negative.
    package static func divide(_ number: Int64, by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// Appends `number`, with leading zeros if it has fewer than `width` digits, and then the character `end`.
    private static func append(_ number: Int64, _ width: Int, then end: Unicode.Scalar, to text: inout [UInt8]) {
        if number >= 0 {
            text.append(decimal: UInt64(number), width: width)
        } else {
            text.append(contentsOf: String(number).utf8)
        }
        text.append(UInt8(ascii: end))
    }
}
