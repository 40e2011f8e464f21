internal import MeshSimulator
internal import SecureMeshCore

/// Draws the histograms of the measured times.
extension Page {
    var distributions: Markup {
        let cards = recording.distributions.map(card)
        return """
            <section aria-labelledby="times">
            <h2 id="times">How long things took</h2>
            <p class="intro">Each has its own scale, on which every doubling has the same width.</p>
            <div class="cards">
            \(cards)
            </div>
            </section>
            """
    }

    private func card(_ each: Recording.Named) -> Markup {
        let (distribution, count) = (each.distribution, each.distribution.count)
        guard count > 0 else {
            return """
                <figure class="card"><figcaption><b>\(each.title)</b> <span class="note">\(each.meaning)</span>\
                </figcaption><p class="none">no samples</p></figure>

                """
        }
        let quantiles = [("q50", "p50", 0.5), ("q90", "p90", 0.9), ("q99", "p99", 0.99)].map { style, label, fraction in
            (style: style, label: label, at: distribution.quantile(fraction))
        }
        let cells: [Markup] = quantiles.map { quantile in
            cell(quantile.label, quantile.at, key: "<path class=\"quantile \(quantile.style)\" d=\"M4 0V10\"/>")
        }
        let most = cell("max", distribution.maximum, key: "")
        let histogram = Histogram(distribution)
        let lines: [Markup] = quantiles.map { quantile in
            let x = histogram.percent(quantile.at)
            return "<line class=\"quantile \(quantile.style)\" x1=\"\(x)\" x2=\"\(x)\" y2=\"\(Self.plotHeight)\"/>"
        }
        let mean = Figures.duration(distribution.mean)
        let samples = Figures.count(count, "sample", "samples")
        return """
            <figure class="card">
            <figcaption><b>\(each.title)</b> <span class="note">\(each.meaning)</span></figcaption>
            <svg class="plot" width="100%" height="\(Self.plotHeight + 16)" role="img">
            <title>\(each.title)</title><desc>\(samples), mean \(mean)</desc>
            \(histogram.bars(height: Self.plotHeight))
            \(lines)
            \(histogram.axis(y: Self.plotHeight))
            </svg>
            <table class="compact"><tbody>
            <tr>\(cells[0])\(cells[2])</tr>
            <tr>\(cells[1])\(most)</tr>
            </tbody></table>
            <p class="note">\(samples), mean \(mean)</p>
            </figure>

            """
    }

    private func cell(_ label: String, _ at: Duration, key: Markup) -> Markup {
        """
        <th scope="row"><svg width="8" height="10" aria-hidden="true">\(key)</svg>\(label)</th>\
        <td>\(Figures.duration(at))</td>
        """
    }

    private static let plotHeight = 72
}

extension Recording {
    struct Named {
        let key: String
        let title: String
        let meaning: String
        let distribution: Distribution
    }

    var distributions: [Named] {
        [
            Named(
                key: "join_time", title: "Join", meaning: "from the start, or the attempt to join, to membership",
                distribution: joinTimes),
            Named(
                key: "convergence", title: "Convergence", meaning: "from a change to the last member that has it",
                distribution: convergence),
            Named(
                key: "directory_lag", title: "Directory lag", meaning: "from a change to each member that has it",
                distribution: directoryLag),
            Named(
                key: "death_notice", title: "Death notice",
                meaning: "from the end of a process to its removal by the server",
                distribution: deathNotice),
            Named(
                key: "message_latency", title: "Message", meaning: "from one peer to another",
                distribution: messageLatency),
        ]
    }
}

/// The bars of a distribution. Like the buckets of the distribution, the axis is logarithmic between octaves and linear
/// within an octave.
private struct Histogram {
    private let first: Double
    private let last: Double
    private let perOctave: Double
    private let counts: [UInt64]

    init(_ distribution: Distribution) {
        let lowest = Self.position(Self.nanoseconds(distribution.minimum))
        let highest = Self.position(Self.nanoseconds(distribution.maximum))
        let octaves = highest - lowest
        perOctave = octaves <= 1 ? 32 : octaves <= 2 ? 16 : octaves <= 5 ? 8 : 4
        let first = (lowest * perOctave).rounded(.down) - 1
        var counts = [UInt64](repeating: 0, count: max(Int((highest * perOctave).rounded(.down) - first) + 2, 8))
        for (range, count) in distribution.nonEmpty {
            let middle = Double(range.lowerBound) + Double(range.count - 1) / 2
            let bin = Int((Self.position(max(middle, Self.shortest)) * perOctave).rounded(.down) - first)
            counts[min(max(bin, 0), counts.count - 1)] += count
        }
        self.first = first
        last = first + Double(counts.count)
        self.counts = counts
    }

    func percent(_ at: Duration) -> String { percent(Self.position(Self.nanoseconds(at)) * perOctave) }

    func bars(height: Int) -> Markup {
        let most = Double(counts.max() ?? 1)
        var markup: Markup = ""
        for (index, count) in counts.enumerated() where count > 0 {
            let tall = max(Double(count) / most * Double(height - 4), 1)
            let (from, to) = (duration(first + Double(index)), duration(first + Double(index + 1)))
            markup += """
                <rect class="bin" x="\(percent(first + Double(index)))" y="\(Geometry.tenth(Double(height) - tall))" \
                width="\(Geometry.number(100 / Double(counts.count)))%" height="\(Geometry.tenth(tall))">\
                <title>\(Figures.duration(from)) to \(Figures.duration(to)): \(Figures.count(count))</title></rect>

                """
        }
        return markup
    }

    func axis(y: Int) -> Markup {
        var markup: Markup = """
            <line class="axis" x1="0" x2="100%" y1="\(y)" y2="\(y)"/>
            """
        for tick in ticks {
            let place = (tick.position - first) / (last - first)
            let x = Geometry.number(place * 100) + "%"
            let anchor = place < 0.06 ? "start" : place > 0.94 ? "end" : "middle"
            markup += """
                <line class="axis" x1="\(x)" x2="\(x)" y1="\(y)" y2="\(y + 3)"/>\
                <text class="tick" x="\(x)" y="\(y + 14)" text-anchor="\(anchor)">\(tick.label)</text>
                """
        }
        return markup
    }

    /// The labels of the axis, at round durations with enough space between them. If fewer than three labels fit, only
    /// the two ends of the axis have labels.
    private var ticks: [(position: Double, label: String)] {
        let room = (last - first) * 0.26
        for factors in [[1.0], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9]] {
            var found: [(position: Double, label: String)] = []
            for scale in Self.decades {
                for factor in factors {
                    let position = Self.position(factor * scale) * perOctave
                    guard position >= first, position <= last else { continue }
                    if let before = found.last, position - before.position < room { continue }
                    found.append((position, Figures.round(.nanoseconds(Int64(factor * scale)))))
                }
            }
            if found.count >= 3 { return found }
        }
        return [first, last].map { ($0, Figures.duration(duration($0))) }
    }

    private func percent(_ position: Double) -> String {
        Geometry.number(min(max((position - first) / (last - first), 0), 1) * 100) + "%"
    }

    private func duration(_ position: Double) -> Duration {
        let octaves = position / perOctave
        let whole = octaves.rounded(.down)
        let start = Double(sign: .plus, exponent: Int(whole), significand: 1)
        return .nanoseconds(Int64(start * (1 + octaves - whole)))
    }

    /// Returns the position of a duration in octaves: 1 for 2 ns, 1.5 for 3 ns, 2 for 4 ns.
    private static func position(_ nanoseconds: Double) -> Double {
        Double(nanoseconds.exponent) + nanoseconds.significand - 1
    }

    /// Returns a duration in nanoseconds. The result is at least 1,000, because the axis begins at a microsecond.
    private static func nanoseconds(_ duration: Duration) -> Double {
        max(Double(duration.wholeNanoseconds), shortest)
    }

    private static let shortest = 1_000.0
    /// The powers of ten from a microsecond to eleven days, in nanoseconds.
    private static let decades = (3...15).map { exponent in (0..<exponent).reduce(1.0) { scale, _ in scale * 10 } }
}

extension Figures {
    /// A round duration without trailing zeros: `1.5 ms`, `20 s`.
    fileprivate static func round(_ duration: Duration) -> String {
        let nanoseconds = duration.wholeNanoseconds
        let (unit, name): (Int64, String) =
            switch nanoseconds {
            case ..<1_000_000: (1_000, "µs")
            case ..<1_000_000_000: (1_000_000, "ms")
            default: (1_000_000_000, "s")
            }
        return "\(Geometry.tenth(Double(nanoseconds) / Double(unit))) \(name)"
    }
}
