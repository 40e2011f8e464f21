internal import MeshSimulator
internal import SecureMeshCore

/// Draws the samples of a recording as curves.
extension Page {
    var curves: Markup {
        let points = Point.all(recording.samples)
        guard points.count > 1 else { return "" }
        let rates = tally.rates
        return """
            \(curve(
                points, title: "Processes and members",
                note: "how many run, are members, and have the newest directory",
                [
                    Curve(style: "c-area", label: "running", value: \.running),
                    Curve(style: "c-main", label: "members", value: \.members),
                    Curve(style: "c-second", label: "up to date", value: \.current),
                ], height: 96))
            \(curve(
                points, title: "Datagrams per second and peer",
                note: "\(Figures.figures(rates.datagrams))/s in all, on average",
                [Curve(style: "c-main", label: "sent", value: \.datagrams)], height: 60))
            \(curve(
                points, title: "Bytes per second and peer",
                note: "\(Figures.bytes(rates.bytes))/s in all, on average",
                [Curve(style: "c-main", label: "sent", value: \.bytes)], height: 60, isBytes: true))
            \(curve(
                points, title: "Lost and refused per second", note: "datagrams, of all peers and the server",
                [
                    Curve(style: "c-main", label: "lost", value: \.lost),
                    Curve(style: "c-alarm", label: "refused", value: \.refusals),
                ], height: 60))
            \(axis)
            \(talkNote)
            """
    }

    /// A note that explains the change of traffic in the healing phase.
    private var talkNote: Markup {
        guard recording.healingBegan != nil else { return "" }
        let check =
            recording.healedAfter == nil ? "" : "; at the end some broadcast, and every member must receive it"
        return "<p class=\"caption note\">When healing begins, the peers stop sending messages\(check).</p>"
    }

    private struct Curve {
        let style: String
        let label: String
        let value: (Point) -> Double
    }

    private func curve(
        _ points: [Point], title: String, note: String, _ curves: [Curve], height: Int, isBytes: Bool = false
    ) -> Markup {
        let highest = points.reduce(0) { highest, point in
            curves.reduce(highest) { max($0, $1.value(point)) }
        }
        let top = Geometry.niceMaximum(highest)
        let keys: [Markup] =
            curves.count < 2
            ? []
            : curves.map { curve in
                """
                <span class="key"><svg width="22" height="8" aria-hidden="true"><path class="curve \(curve.style)" \
                d="M1 4h20"/></svg>\(curve.label)</span>
                """
            }
        let paths: [Markup] = curves.map { curve in
            "<path class=\"curve \(curve.style)\" d=\"\(path(points, curve, top: top, height: height))\"/>\n"
        }
        func format(_ value: Double) -> String { isBytes ? Figures.bytes(value) : Figures.axis(value) }
        return """
            <p class="caption"><b>\(title)</b> <span class="note">\(note)</span> \(keys)</p>
            \(strip(
                """
                <svg class="scale" width="100%" height="\(height)" aria-hidden="true">
                <text x="100%" dx="-6" y="9">\(format(top))</text>
                <text x="100%" dx="-6" y="\(height / 2 + 4)">\(format(top / 2))</text>
                <text x="100%" dx="-6" y="\(height)">0</text></svg>
                """,
                """
                <svg class="plot framed" width="100%" height="\(height)" role="img">
                <title>\(title)</title><desc>At most \(format(highest)).</desc>
                \(shades(height: height))
                <svg width="100%" height="\(height)" viewBox="0 0 1000 \(height)" preserveAspectRatio="none">
                \(grid(height: height))<path class="grid" d="M0 \(height / 2)H1000"/>
                \(paths)</svg></svg>
                """))
            """
    }

    private func path(_ points: [Point], _ curve: Curve, top: Double, height: Int) -> String {
        let isArea = curve.style == "c-area"
        var text = ""
        for point in points {
            let y = Double(height) * (1 - curve.value(point) / top)
            text += (text.isEmpty ? isArea ? "M\(Geometry.tenth(scale.x(point.at))) \(height)L" : "M" : "L")
            text += "\(Geometry.tenth(scale.x(point.at))) \(Geometry.tenth(y))"
        }
        if isArea, let last = points.last { text += "L\(Geometry.tenth(scale.x(last.at))) \(height)Z" }
        return text
    }
}

extension Figures {
    /// The label of a round number on an axis: `0.5`, `20`, `1,000`.
    static func axis(_ value: Double) -> String {
        if value == value.rounded() { return decimal(value, places: 0) }
        return decimal(value, places: value < 0.1 ? 3 : value < 1 ? 2 : 1)
    }
}

/// One point of the curves, made from one or several samples. The numbers of datagrams and bytes are converted to
/// rates.
private struct Point {
    let at: Duration
    let running: Double
    let members: Double
    let current: Double
    /// The number of datagrams per second and peer. The rate is divided by the number of running peers or by the number
    /// of members, whichever is larger, because peers also send while none is a member.
    let datagrams: Double
    /// The number of bytes per second and peer. The number of peers is the same as for `datagrams`.
    let bytes: Double
    /// The number of lost datagrams per second.
    let lost: Double
    /// The number of refused datagrams per second.
    let refusals: Double

    /// Returns at most `most` points. If there are more samples than that, each point is made from several samples.
    static func all(_ samples: [Recording.Sample]) -> [Point] {
        let size = max((samples.count + most - 1) / most, 1)
        var points: [Point] = []
        var before = Duration.zero
        var group = Recording.Sample(at: .zero)
        var peers = 0
        for (index, sample) in samples.enumerated() {
            group.datagrams += sample.datagrams
            group.bytes += sample.bytes
            group.lost += sample.lost
            group.refusals += sample.refusals
            peers = max(peers, sample.running, sample.members)
            guard (index + 1).isMultiple(of: size) || index == samples.count - 1 else { continue }
            let seconds = (sample.at - before).seconds
            let rate = seconds > 0 ? 1 / seconds : 0
            let peerRate = peers > 0 ? rate / Double(peers) : 0
            points.append(
                Point(
                    at: sample.at, running: Double(sample.running), members: Double(sample.members),
                    current: Double(sample.current), datagrams: Double(group.datagrams) * peerRate,
                    bytes: Double(group.bytes) * peerRate, lost: Double(group.lost) * rate,
                    refusals: Double(group.refusals) * rate))
            before = sample.at
            group = Recording.Sample(at: .zero)
            peers = 0
        }
        return points
    }

    private static let most = 600
}
