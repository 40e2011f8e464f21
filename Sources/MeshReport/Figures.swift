internal import SecureMeshCore

/// Formats numbers for people, with their units. No locale is used, so that the same recording looks the same
/// everywhere.
package enum Figures {
    /// A duration as text. Below a minute, the text has at most three digits: `12 ms`, `1.25 s`, `2 min 5 s`.
    package static func duration(_ duration: Duration) -> String {
        let nanoseconds = duration.wholeNanoseconds
        guard nanoseconds >= 0 else {
            return nanoseconds == .min ? "-292 years" : "-" + Self.duration(.zero - duration)
        }
        let value = Double(nanoseconds)
        switch nanoseconds {
        case 0: return "0 s"
        case ..<1_000: return "\(nanoseconds) ns"
        case ..<999_500: return decimal(value / 1e3, places: 0) + " µs"
        case ..<9_950_000: return decimal(value / 1e6, places: 1) + " ms"
        case ..<999_500_000: return decimal(value / 1e6, places: 0) + " ms"
        case ..<59_950_000_000 where nanoseconds % 1_000_000_000 == 0: return "\(nanoseconds / 1_000_000_000) s"
        case ..<9_995_000_000: return decimal(value / 1e9, places: 2) + " s"
        case ..<59_950_000_000: return decimal(value / 1e9, places: 1) + " s"
        default: return minutes((nanoseconds / 500_000_000 + 1) / 2)
        }
    }

    /// A time since the beginning of the recording: `12.408 s`, `1:12.408 min` or `2:01:12.408 h`.
    static func moment(_ at: Duration, decimals: Int = 3) -> String {
        let nanoseconds = max(at.wholeNanoseconds, 0)
        let (minutes, whole) = (nanoseconds / 60_000_000_000, nanoseconds / 1_000_000_000 % 60)
        let fraction = padded(Int(nanoseconds % 1_000_000_000), to: 9).prefix(decimals)
        guard minutes > 0 else { return "\(whole).\(fraction) s" }
        let seconds = "\(padded(Int(whole), to: 2)).\(fraction)"
        guard minutes >= 60 else { return "\(minutes):\(seconds) min" }
        return "\(minutes / 60):\(padded(Int(minutes % 60), to: 2)):\(seconds) h"
    }

    /// A whole number with its digits in groups of three: `12,345`.
    package static func count(_ number: some BinaryInteger) -> String {
        let digits = Array(String(number.magnitude))
        var text = number < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return text
    }

    /// A whole number with its noun in the singular or the plural: `1 crash`, `12 crashes`.
    static func count(_ number: some BinaryInteger, _ one: String, _ many: String) -> String {
        "\(count(number)) \(number == 1 ? one : many)"
    }

    /// A number of bytes: `312 B`, `5.31 kB`, `12.0 MB`.
    static func bytes(_ bytes: Double) -> String {
        switch bytes {
        case ..<999.5: figures(bytes) + " B"
        case ..<999_500: figures(bytes / 1e3) + " kB"
        case ..<999_500_000: figures(bytes / 1e6) + " MB"
        default: figures(bytes / 1e9) + " GB"
        }
    }

    /// A percentage: `3.1 %`. Only zero is `0 %`, and only the whole is `100 %`.
    static func share(_ part: some BinaryInteger, of whole: some BinaryInteger) -> String {
        guard whole > 0 else { return "0 %" }
        let percent = Double(part) / Double(whole) * 100
        if part == 0 { return "0 %" }
        if Double(part) == Double(whole) { return "100 %" }
        if percent < 0.05 { return "< 0.1 %" }
        if percent > 99.95, percent < 100 { return "> 99.9 %" }
        return decimal(percent, places: percent < 99.5 && percent >= 10 ? 0 : 1) + " %"
    }

    /// A number with two decimals below 10, one below 100, and none from 100 on: `0.12`, `2.13`, `34.1`, `1,234`.
    static func figures(_ value: Double) -> String {
        switch abs(value) {
        case 0: "0"
        case ..<9.995: decimal(value, places: 2)
        case ..<99.95: decimal(value, places: 1)
        default: decimal(value, places: 0)
        }
    }

    package static func decimal(_ value: Double, places: Int) -> String {
        guard value.isFinite, abs(value) < 1e12 else { return "-" }
        let scale = (0..<places).reduce(1) { scale, _ in scale * 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard places > 0 else { return sign + count(scaled) }
        return sign + "\(count(scaled / scale)).\(padded(scaled % scale, to: places))"
    }

    static func padded(_ number: Int, to width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(width - digits.count, 0)) + digits
    }

    private static func minutes(_ seconds: Int64) -> String {
        let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60)
        if hours > 0 { return minutes == 0 ? "\(hours) h" : "\(hours) h \(minutes) min" }
        return rest == 0 ? "\(minutes) min" : "\(minutes) min \(rest) s"
    }
}

extension Figures {
    /// The sixteen hexadecimal digits of a number.
    static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
