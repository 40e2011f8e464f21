internal import MeshSimulator
internal import SecureMeshCore

/// Draws the lanes, which show when each peer was a member.
extension Page {
    /// One lane per peer. If there are more than `mostLanes` peers, all peers are drawn as thin lines. Below these
    /// lines, the peers with the most events have lanes.
    var lanes: Markup {
        let all = history.lanes
        guard !all.isEmpty else { return "" }
        guard all.count > Self.mostLanes else {
            return laneStrip(all, title: "When each peer was a member", description: laneDescription)
        }
        let notable = all.filter { $0.weight > 1 }
            .sorted { ($1.weight, $0.peer) < ($0.weight, $1.peer) }.prefix(Self.mostNotable)
            .sorted { $0.peer < $1.peer }
        let heading: Markup =
            notable.isEmpty
            ? ""
            : """
            <p class="caption">The \(notable.count) of \(Figures.count(all.count)) peers with the most events:</p>
            """
        let title = "The peers with the most events"
        return """
            \(overview(all))
            \(heading)
            \(notable.isEmpty ? "" : laneStrip(notable, title: title, description: laneDescription))
            """
    }

    /// Explains the lines and signs that occur in the lanes.
    var legend: Markup {
        var items: [Markup] = []
        func line(_ style: String, _ label: String, _ occurs: Bool) {
            guard occurs else { return }
            items.append(
                """
                <li><svg width="26" height="12" aria-hidden="true"><path class="\(style)" d="M1 6h24"/></svg>\
                \(label)</li>
                """)
        }
        func area(_ style: String, _ label: String, _ occurs: Bool) {
            guard occurs else { return }
            items.append(
                """
                <li><svg width="26" height="12" aria-hidden="true"><rect class="\(style)" x="1" width="24" \
                height="12"/></svg>\(label)</li>
                """)
        }
        line("lane present", "member", history.lanes.contains { !$0.present.isEmpty })
        line("lane outside", "runs, is not a member", history.lanes.contains { !$0.outside.isEmpty })
        if history.lanes.contains(where: { !$0.missing.isEmpty }) {
            items.append(
                """
                <li><svg width="26" height="12" aria-hidden="true">\
                <path class="lane missing" d="M1 2.5h24v7h-24z"/></svg>still listed, process ended</li>
                """)
        }
        if history.lanes.contains(where: { !$0.paused.isEmpty }) {
            items.append(
                """
                <li><svg width="26" height="12" aria-hidden="true"><path class="lane present" d="M1 6h24"/>\
                <path class="lane hold" d="M1 6h24"/></svg>paused</li>
                """)
        }
        for sign in Symbols.signs where history.lanes.contains(where: { $0.marks.contains { $0.sign == sign } }) {
            let symbol = Symbols.sign(sign)
            items.append(
                """
                <li><svg width="14" height="12" viewBox="-7 -6 14 12" aria-hidden="true">\
                \(Symbols.use(symbol.id))</svg>\(symbol.summary)</li>
                """)
        }
        area("down", "server down", !history.serverDown.isEmpty)
        area("parted", "network partitioned", !history.partitions.isEmpty)
        area("healing", "healing", history.healing != nil)
        return "<ul class=\"legend\">\(items)</ul>"
    }

    private var laneDescription: String {
        Figures.count(tally.joins, "join", "joins") + ", "
            + Figures.count(tally.departureCount, "departure", "departures")
            + (tally.departureCount == 0 ? "" : ": \(tally.departureSummary)") + "."
    }

    private func laneStrip(_ lanes: [Lane], title: String, description: String) -> Markup {
        let pitch = lanes.count <= 12 ? 20 : lanes.count <= 30 ? 16 : 14
        let names: [Markup] = lanes.map { "<li title=\"\($0.name)\">\($0.name)</li>" }
        let height = lanes.count * pitch
        let (marks, missing) = marks(lanes, pitch: pitch)
        var notes: [String] = []
        if missing > 0 { notes.append("\(Figures.count(missing, "lesser sign", "lesser signs")) were left out") }
        if recording.omittedEvents > 0, let last = recording.events.last {
            notes.append("after \(Figures.moment(last.at)) no events were kept, only memberships")
        }
        let caption: Markup = notes.isEmpty ? "" : "<p class=\"caption note\">\(notes.joined(separator: "; "))</p>"
        let picture = strip(
            "<ol class=\"names p\(pitch)\">\(names)</ol>",
            """
            <svg class="plot p\(pitch)" width="100%" height="\(height)" role="img">
            <title>\(title)</title><desc>\(description)</desc>
            \(shades(height: height))
            <svg width="100%" height="\(height)" viewBox="0 0 1000 \(height)" preserveAspectRatio="none">
            \(grid(height: height))
            \(lines(lanes, pitch: pitch, bar: pitch / 2))
            </svg>
            \(marks)</svg>
            """)
        return "\(picture)\(caption)"
    }

    /// Returns a drawing of all peers as lines of one to four pixels, without signs. If there are more than `mostRows`
    /// peers, several peers share a line.
    private func overview(_ all: [Lane]) -> Markup {
        let pitch = all.count <= 120 ? 4 : all.count <= 300 ? 2 : 1
        let share = (all.count + Self.mostRows - 1) / Self.mostRows
        let height = (all.count + share - 1) / share * pitch
        let sharing = share == 1 ? "one per line" : "\(share) per line"
        return strip(
            """
            <span class="name">all \(Figures.count(all.count)) peers</span>\
            <span class="note">\(sharing)</span>
            """,
            """
            <svg class="plot p\(pitch)" width="100%" height="\(height)" viewBox="0 0 1000 \(height)" \
            preserveAspectRatio="none" role="img">
            <title>All peers: when each was a member</title><desc>\(laneDescription)</desc>
            \(overviewLines(all, pitch: pitch, share: share))
            \(grid(height: height))</svg>
            """)
    }

    private func overviewLines(_ all: [Lane], pitch: Int, share: Int) -> Markup {
        func path(_ style: String, _ spans: (Lane) -> [TimeSpan]) -> Markup {
            let data = fewEnough(all.map(spans)).enumerated().map { index, spans in
                thinPath(spans, y: index / share * pitch, pitch: pitch)
            }.joined()
            return data.isEmpty ? "" : "<path class=\"thin \(style)\" d=\"\(data)\"/>\n"
        }
        return "\(path("outside", \.outside))\(path("present", \.present))\(path("missing", \.missing))"
    }

    private func thinPath(_ spans: [TimeSpan], y: Int, pitch: Int) -> String {
        let middle = Geometry.number(Double(y) + Double(pitch) / 2)
        return spans.map { span in
            let from = scale.x(span.from)
            return "M\(Geometry.tenth(from)) \(middle)h\(Geometry.tenth(max(scale.x(span.to) - from, 0.8)))"
        }.joined()
    }

    private func lines(_ lanes: [Lane], pitch: Int, bar: Int) -> Markup {
        func path(_ style: String, _ spans: (Lane) -> [TimeSpan], _ draw: (_ spans: [TimeSpan], _ y: Int) -> String)
            -> Markup
        {
            let data = fewEnough(lanes.map(spans)).enumerated().map { draw($1, $0 * pitch + pitch / 2) }.joined()
            return data.isEmpty ? "" : "<path class=\"lane \(style)\" d=\"\(data)\"/>\n"
        }
        func stroke(_ spans: [TimeSpan], y: Int) -> String { Geometry.path(spans, y: y, scale: scale) }
        return """
            \(path("base", { _ in [] }, { _, y in "M0 \(y)H1000" }))\
            \(path("outside", \.outside, stroke))\
            \(path("present", \.present, stroke))\
            \(path("missing", \.missing, { boxes($0, y: $1, half: bar / 2) }))\
            \(path("hold", \.paused, stroke))\
            \(path("joins", \.listed, { ticks($0, y: $1, half: bar / 2 + 1) }))
            """
    }

    /// Merges spans that are separated by small gaps, until at most `mostSpans` are left.
    private func fewEnough(_ lanes: [[TimeSpan]]) -> [[TimeSpan]] {
        var (lanes, gap) = (lanes, history.duration / 4_000)
        while gap < history.duration, lanes.reduce(0, { $0 + $1.count }) > Self.mostSpans {
            lanes = lanes.map { $0.merged(gap: gap) }
            gap = gap * 2
        }
        return lanes
    }

    private func boxes(_ spans: [TimeSpan], y: Int, half: Int) -> String {
        spans.map { span in
            let from = scale.x(span.from)
            let width = Geometry.tenth(max(scale.x(span.to) - from, 1))
            return "M\(Geometry.tenth(from)) \(y - half)h\(width)v\(2 * half)h-\(width)z"
        }.joined()
    }

    private func ticks(_ spans: [TimeSpan], y: Int, half: Int) -> String {
        spans.map { "M\(Geometry.tenth(scale.x($0.from))) \(y - half)v\(2 * half)" }.joined()
    }

    /// Returns a drawing of the marks of all lanes, and the number of marks that were left out. More important marks
    /// are drawn above less important ones. Marks with the same sign at nearly the same place are drawn once.
    private func marks(_ lanes: [Lane], pitch: Int) -> (markup: Markup, missing: Int) {
        var (markup, missing): (Markup, Int) = ("", 0)
        let limit = Self.mostMarks / max(lanes.count, 1)
        for (index, lane) in lanes.enumerated() {
            var last: [Lane.Mark.Sign: Double] = [:]
            let apart = lane.marks.filter { mark in
                let x = scale.x(mark.at)
                if let before = last[mark.sign], x - before < 3 { return false }
                last[mark.sign] = x
                return true
            }
            let ranked = apart.enumerated().sorted { first, second in
                (first.element.gravity, first.offset) < (second.element.gravity, second.offset)
            }
            missing += max(ranked.count - limit, 0)
            for (_, mark) in ranked.suffix(limit) {
                markup += """
                    <use href="#\(Symbols.sign(mark.sign).id)" x="\(scale.percent(mark.at))" \
                    y="\(index * pitch + pitch / 2)">\
                    <title>\(Figures.moment(mark.at)) \(lane.name) \(mark.summary)</title></use>

                    """
            }
        }
        return (markup, missing)
    }

    private static let mostLanes = 60
    private static let mostNotable = 32
    private static let mostRows = 600
    private static let mostMarks = 2_000
    private static let mostSpans = 8_000
}
