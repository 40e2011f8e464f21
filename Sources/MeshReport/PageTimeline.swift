internal import MeshSimulator
internal import SecureMeshCore

/// The timeline: conditions, lanes and curves on one axis.
extension Page {
    var timeline: Markup {
        """
        <section class="timeline" aria-labelledby="time">
        <h2 id="time">The mesh over time</h2>
        \(legend)
        \(axis)
        \(conditions)
        \(lanes)
        \(axis)
        \(curves)
        </section>
        """
    }

    /// Returns a strip of the timeline: a label on the left and a drawing on the right.
    func strip(_ label: Markup, _ drawing: Markup, style: String = "") -> Markup {
        """
        <div class="strip \(style)"><div class="gutter">\(label)</div><div>\(drawing)</div></div>

        """
    }

    /// Returns shaded areas for the times in which the server was down, the network was partitioned or the mesh was
    /// healing. The areas have the full height of the drawing.
    func shades(height: Int) -> Markup {
        func rectangles(_ spans: [TimeSpan], _ style: String) -> [Markup] {
            bounded(spans).map { span in
                """
                <rect class="\(style)" x="\(scale.percent(span.from))" width="\(scale.percent(width: span))" \
                height="\(height)"/>
                """
            }
        }
        let healing = history.healing.map { [$0] } ?? []
        let parted = history.partitions.flatMap(\.spans).merged()
        let lines: [Markup] = healing.map { span in
            let x = scale.percent(span.from)
            return "<line class=\"heal\" x1=\"\(x)\" x2=\"\(x)\" y2=\"\(height)\"/>"
        }
        return """
            \(rectangles(healing, "healing"))\(rectangles(history.serverDown, "down"))\(rectangles(parted, "parted"))\
            \(lines)
            """
    }

    /// Returns vertical lines at the ticks of the time axis.
    func grid(height: Int) -> Markup {
        let lines = scale.ticks.map { "M\(Geometry.tenth(scale.x($0.at))) 0V\(height)" }.joined()
        return "<path class=\"grid\" d=\"\(lines)\"/>"
    }

    /// Merges spans that are separated by small gaps, until at most `limit` are left.
    func bounded(_ spans: [TimeSpan], to limit: Int = 150) -> [TimeSpan] {
        var (spans, gap) = (spans, history.duration / 2_000)
        while spans.count > limit {
            spans = spans.merged(gap: gap)
            gap = gap * 2
        }
        return spans
    }

    /// The labels of the time axis.
    var axis: Markup {
        let labels: [Markup] = scale.ticks.map { tick in
            let x = scale.x(tick.at)
            let anchor = x < 15 ? "start" : x > 985 ? "end" : "middle"
            return """
                <text class="\(tick.isMajor ? "tick" : "tick wide")" x="\(scale.percent(tick.at))" y="12" \
                text-anchor="\(anchor)">\(tick.label)</text>
                """
        }
        return strip(
            "<span class=\"unit\">time, \(scale.unit)</span>",
            "<svg class=\"plot\" width=\"100%\" height=\"16\" aria-hidden=\"true\">\(labels)</svg>", style: "axis")
    }

    // MARK: Conditions

    private var conditions: Markup {
        var rows: [Markup] = []
        let up = [TimeSpan(from: .zero, to: history.duration)].subtracting(history.serverDown)
        var outages: [String] = []
        if !history.serverDown.isEmpty {
            let times = history.serverDown.count == 1 ? "" : "\(history.serverDown.count) times, "
            outages.append("down \(times)\(Figures.duration(history.serverDown.total))")
        }
        if !history.serverPaused.isEmpty { outages.append("paused \(Figures.duration(history.serverPaused.total))") }
        rows.append(
            condition(
                "server", note: outages.joined(separator: ", "),
                [("up", up), ("hold", history.serverPaused), ("off", history.serverDown)]))
        rows += group(history.partitions, kind: "partition", style: "split", many: "more partitions")
        rows += group(history.attacks, kind: "attack", style: "hostile", many: "more attacks")
        if !history.networkChanges.isEmpty { rows.append(networkChanges) }
        if let healing = history.healing {
            let note =
                recording.healedAfter.map { $0 == .zero ? "whole at once" : Figures.duration($0) } ?? "never whole"
            rows.append(condition("healing", note: note, [("heals", [healing])]))
        }
        return "<div class=\"conditions\">\(rows)</div>"
    }

    private func group(
        _ conditions: [History.Condition], kind: String, style: String, many: String
    ) -> [Markup] {
        let shown = conditions.count <= Self.mostConditions ? conditions.count : Self.mostConditions - 1
        var rows = conditions.prefix(shown).map { each in
            let times = each.spans.count == 1 ? "" : "\(each.spans.count) times, "
            return condition(
                each.label, kind: kind, note: times + Figures.duration(each.spans.total), [(style, each.spans)])
        }
        let rest = conditions.dropFirst(shown)
        if !rest.isEmpty {
            rows.append(condition("\(rest.count) \(many)", note: "", [(style, rest.flatMap(\.spans).merged())]))
        }
        return rows
    }

    private func condition(
        _ label: String, kind: String = "", note: String, _ bars: [(style: String, spans: [TimeSpan])]
    ) -> Markup {
        let paths: [Markup] = bars.filter { !$0.spans.isEmpty }.map { bar in
            "<path class=\"bar \(bar.style)\" d=\"\(strokes(bar.spans))\"/>"
        }
        let kindLabel: Markup = kind.isEmpty ? "" : "<span class=\"kind\">\(kind)</span> "
        let noteLabel: Markup = note.isEmpty ? "" : " <span class=\"note\">\(note)</span>"
        let title = [kind, label, note].filter { !$0.isEmpty }.joined(separator: ", ")
        // The text after a colon, such as the peers that a partition cuts off, is too long for a label.
        let short = String(label.prefix { $0 != ":" })
        return strip(
            "<span class=\"name\" title=\"\(title)\">\(kindLabel)\(short)\(noteLabel)</span>",
            """
            <svg class="plot" width="100%" height="16" viewBox="0 0 1000 16" preserveAspectRatio="none" role="img">\
            <title>\(title)</title>\(grid(height: 16))\(paths)</svg>
            """)
    }

    private func strokes(_ spans: [TimeSpan]) -> String {
        Geometry.path(bounded(spans, to: 500), y: 8, scale: scale, least: 3)
    }

    private var networkChanges: Markup {
        let marks: [Markup] = history.networkChanges.prefix(Self.mostNetworkChanges).map { change in
            let x = scale.percent(change.at)
            return """
                <line class="change" x1="\(x)" x2="\(x)" y1="2" y2="14">\
                <title>\(Figures.moment(change.at)) \(change.what)</title></line>
                """
        }
        let count = Figures.count(history.networkChanges.count, "change", "changes")
        return strip(
            "<span class=\"name\">network <span class=\"note\">\(count)</span></span>",
            """
            <svg class="plot" width="100%" height="16" role="img"><title>Changes of the network: \(count)</title>\
            \(marks)</svg>
            """)
    }

    private static let mostConditions = 8
    private static let mostNetworkChanges = 400
}
