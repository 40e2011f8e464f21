/// A moment in calendar time: whole seconds since 1970-01-01T00:00:00Z, without leap seconds.
public struct UnixTime: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number of seconds since 1970-01-01T00:00:00Z.
    public let seconds: Int64

    /// Makes a moment from its number of seconds since 1970-01-01T00:00:00Z.
    public init(seconds: Int64) {
        self.seconds = seconds
    }

    /// Reads a date, such as `2026-12-31`, or a time in the format of RFC 3339, such as `2026-12-31T18:00:00Z` or
    /// `2026-12-31T18:00:00+01:00`. A date stands for the end of that day in UTC. Fractions of a second are dropped.
    /// Returns nil for other texts.
    public init?(_ text: String) {
        var rest = Array(text.utf8)[...]
        guard let year = Self.number(4, &rest), year >= 1970, Self.take("-", &rest),
            let month = Self.number(2, &rest), Self.take("-", &rest), let day = Self.number(2, &rest),
            let date = CalendarDay(year: year, month: month, day: day)
        else { return nil }
        let midnight = date.daysSince1970 * 86_400
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

    /// The time in UTC in the format of RFC 3339, such as `2026-12-31T18:00:00Z`.
    public var description: String { String(decoding: CalendarDay.text(ofSecond: seconds), as: UTF8.self) }

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

    /// Reads `Z`, or an offset from UTC such as `+01:00`, and returns the offset in seconds; nil if the text is
    /// neither.
    private static func offset(_ rest: inout ArraySlice<UInt8>) -> Int64? {
        if take("Z", &rest) || take("z", &rest) { return 0 }
        let isEast = take("+", &rest)
        guard isEast || take("-", &rest), let hours = number(2, &rest), hours < 24, take(":", &rest),
            let minutes = number(2, &rest), minutes < 60
        else { return nil }
        return (hours * 3_600 + minutes * 60) * (isEast ? 1 : -1)
    }
}
