/// A moment by the calendar: whole seconds since 1970-01-01T00:00:00Z, without leap seconds.
public struct UnixTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number of seconds since 1970-01-01T00:00:00Z.
    public let seconds: Int64

    /// Makes a moment from its number of seconds since 1970-01-01T00:00:00Z.
    public init(seconds: Int64) {
        self.seconds = seconds
    }

    /// Reads a date, `2026-12-31`, which means its end in UTC, or a time by RFC 3339, `2026-12-31T18:00:00Z` or
    /// `2026-12-31T18:00:00+01:00`. Fractions of a second are dropped. Returns nil for other texts.
    public init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        guard let year = Self.number(4, &rest), year >= 1970, Self.take("-", &rest),
            let month = Self.number(2, &rest), (1...12).contains(month), Self.take("-", &rest),
            let day = Self.number(2, &rest), (1...Self.days(of: month, in: year)).contains(day)
        else { return nil }
        let midnight = Self.dayNumber(year, month, day) * 86_400
        guard !rest.isEmpty else {
            self.init(seconds: min(midnight + 86_400, Self.last))
            return
        }
        guard Self.take("T", &rest) || Self.take("t", &rest),
            let hour = Self.number(2, &rest), hour < 24, Self.take(":", &rest),
            let minute = Self.number(2, &rest), minute < 60, Self.take(":", &rest),
            let second = Self.number(2, &rest), second <= 60
        else { return nil }
        if Self.take(".", &rest) {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty else { return nil }
            rest = rest.dropFirst(digits.count)
        }
        guard let offset = Self.offset(&rest), rest.isEmpty else { return nil }
        let seconds = midnight + hour * 3_600 + minute * 60 + second - offset
        guard (0...Self.last).contains(seconds) else { return nil }
        self.init(seconds: seconds)
    }

    /// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
    private static let last: Int64 = 253_402_300_799

    /// The time in UTC by RFC 3339, such as `2026-12-31T18:00:00Z`.
    public var description: String {
        let day = Self.floor(seconds, 86_400)
        let second = seconds - day * 86_400
        // Days since 0000-03-01, in eras of 400 years: the leap day is the last one of a year then.
        let shifted = day + 719_468
        let era = Self.floor(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = [
            Self.pad(year, 4), Self.pad(month, 2), Self.pad(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1, 2),
        ]
        let time = [Self.pad(second / 3_600, 2), Self.pad(second / 60 % 60, 2), Self.pad(second % 60, 2)]
        return "\(date.joined(separator: "-"))T\(time.joined(separator: ":"))Z"
    }

    /// Returns true if the first time is the earlier one.
    public static func < (left: UnixTime, right: UnixTime) -> Bool { left.seconds < right.seconds }

    private static func take(_ character: Character, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard let byte = rest.first, byte == character.asciiValue else { return false }
        rest = rest.dropFirst()
        return true
    }

    private static func number(_ digits: Int, _ rest: inout ArraySlice<UInt8>) -> Int64? {
        let text = rest.prefix(digits)
        guard text.count == digits, text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        rest = rest.dropFirst(digits)
        return text.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    /// Reads `Z`, or an offset from UTC such as `+01:00`, and returns its seconds.
    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        if take("Z", &rest) || take("z", &rest) { return 0 }
        let isEast = take("+", &rest)
        guard isEast || take("-", &rest), let hours = number(2, &rest), hours < 24, take(":", &rest),
            let minutes = number(2, &rest), minutes < 60
        else { return nil }
        return (hours * 3_600 + minutes * 60) * (isEast ? 1 : -1)
    }

    private static func days(of month: Int64, in year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Returns the number of days since 1970-01-01.
    private static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = floor(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func floor(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((divisor - 1 - value) / divisor)
    }

    private static func pad(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }
}
