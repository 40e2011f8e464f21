internal import SecureMeshCore

/// The horizontal time axis. Its positions range from 0 to 1,000 over the full width of a drawing.
struct TimeScale {
    struct Tick {
        let at: Duration
        let label: String
        /// True if the label is also shown on narrow screens.
        let isMajor: Bool
    }

    static let width = 1_000.0

    let duration: Duration
    let ticks: [Tick]
    /// The unit of the labels.
    let unit: String

    init(_ duration: Duration) {
        self.duration = max(duration, .nanoseconds(1))
        let nanoseconds = self.duration.wholeNanoseconds
        let step = Self.steps.first { nanoseconds / $0 <= Self.mostTicks } ?? (nanoseconds / Self.mostTicks + 1)
        let every = max(Int((nanoseconds / step + Self.mostMajorTicks - 1) / Self.mostMajorTicks), 1)
        let form = Form(nanoseconds)
        unit = form.unit
        ticks = stride(from: 0, through: nanoseconds, by: Int(step)).enumerated().map { index, at in
            Tick(at: .nanoseconds(Int64(at)), label: form.label(Int64(at)), isMajor: index % every == 0)
        }
    }

    func x(_ at: Duration) -> Double {
        let fraction = Double(at.wholeNanoseconds) / Double(duration.wholeNanoseconds)
        return min(max(fraction, 0), 1) * Self.width
    }

    /// Returns a position as a percentage of the drawing's width.
    func percent(_ at: Duration) -> String { Geometry.number(x(at) / 10) + "%" }

    /// Returns the width of a span as a percentage, with a minimum so that short spans are visible.
    func percent(width span: TimeSpan) -> String {
        Geometry.number(max(x(span.to) - x(span.from), 1.5) / 10) + "%"
    }

    private enum Form {
        case milliseconds, seconds, minutes, hours

        init(_ nanoseconds: Int64) {
            self =
                switch nanoseconds {
                case ..<2_000_000_000: .milliseconds
                case ..<120_000_000_001: .seconds
                case ..<7_200_000_000_001: .minutes
                default: .hours
                }
        }

        var unit: String {
            switch self {
            case .milliseconds: "ms"
            case .seconds: "s"
            case .minutes: "min:s"
            case .hours: "h:min"
            }
        }

        func label(_ nanoseconds: Int64) -> String {
            let seconds = Int(nanoseconds / 1_000_000_000)
            switch self {
            case .milliseconds: return String(nanoseconds / 1_000_000)
            case .seconds: return String(seconds)
            case .minutes: return "\(seconds / 60):\(Figures.padded(seconds % 60, to: 2))"
            case .hours: return "\(seconds / 3_600):\(Figures.padded(seconds / 60 % 60, to: 2))"
            }
        }
    }

    private static let mostTicks: Int64 = 12
    private static let mostMajorTicks: Int64 = 5
    private static let steps: [Int64] =
        [1, 2, 5, 10, 20, 50, 100, 200, 500].map { $0 * 1_000_000 }
        + [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400]
        .map { $0 * 1_000_000_000 }
}

/// Formats coordinates for SVG.
enum Geometry {
    /// Formats a number rounded to a hundredth, without trailing zeros.
    static func number(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let (whole, rest) = (hundredths.magnitude / 100, hundredths.magnitude % 100)
        let sign = hundredths < 0 ? "-" : ""
        if rest == 0 { return "\(sign)\(whole)" }
        if rest % 10 == 0 { return "\(sign)\(whole).\(rest / 10)" }
        return "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// Formats a number rounded to a tenth, which keeps long paths short.
    static func tenth(_ value: Double) -> String { number((value * 10).rounded() / 10) }

    /// Returns a round number above `value` whose half is round, too.
    static func niceMaximum(_ value: Double) -> Double {
        guard value.isFinite, value > 0 else { return 1 }
        var scale = 1.0
        while scale * 10 <= value { scale *= 10 }
        while scale >= value, scale > 1e-6 { scale /= 10 }
        return [2, 4, 6, 8, 10].map { $0 * scale }.first { $0 > value } ?? 20 * scale
    }

    /// Returns the spans as an SVG path of horizontal lines. Each line is at least `least` long.
    static func path(_ spans: [TimeSpan], y: Int, scale: TimeScale, least: Double = 0.8) -> String {
        var text = ""
        for span in spans {
            let from = scale.x(span.from)
            text += "M\(tenth(from)) \(y)h\(tenth(max(scale.x(span.to) - from, least)))"
        }
        return text
    }
}
