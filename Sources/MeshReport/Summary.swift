package import MeshSimulator
internal import SecureMeshCore

extension Recording {
    /// The recording in about twenty lines for the terminal, with the verdict last. Control characters are escaped.
    package var summary: [String] {
        let tally = Tally(self, history: History(self))
        var lines: [String] = []
        func add(_ label: String, _ text: String) {
            let padding = String(repeating: " ", count: max(Self.labelWidth - label.count, 1))
            lines.append(label + padding + Escaping.visible(text))
        }
        add("world", title)
        add(
            "",
            "\(Figures.count(names.count, "peer", "peers")) for \(Figures.duration(duration)), "
                + "\(Figures.count(steps)) steps, trace \(Figures.hexadecimal(traceHash))")
        add("joins", Figures.count(tally.joins))
        add("departures", list(tally.departureCount, tally.departureSummary))
        add("connections", "\(Figures.count(tally.connectionsLost)) lost")
        add("faults", list(tally.faultCount, tally.faultSummary))
        lines += distributionTable
        if deliveriesExpected > 0 {
            add(
                "messages",
                "\(Figures.share(deliveries, of: deliveriesExpected)) delivered: "
                    + "\(Figures.count(deliveries)) of \(Figures.count(deliveriesExpected)), "
                    + "from \(Figures.count(messagesSent)) sent")
        }
        let rates = tally.rates
        add(
            "traffic",
            "\(Figures.count(tally.datagrams, "datagram", "datagrams")), \(Figures.bytes(Double(tally.bytes)))"
                + mostTraffic(of: tally.bytes))
        add(
            "",
            "per second and member: \(Figures.figures(rates.memberDatagrams)) datagrams, "
                + Figures.bytes(rates.memberBytes))
        let reasons = losses.filter { $0.count > 0 }.map { "\(Figures.count($0.count)) \($0.loss.label)" }
        add(
            "losses",
            list(tally.lost, reasons.joined(separator: ", "), share: Figures.share(tally.lost, of: tally.datagrams)))
        if let processors {
            let (all, server) = (processors.all / duration, processors.server / duration)
            add(
                "processors",
                "\(Figures.decimal(all, places: 2)) of \(Figures.count(processors.cores, "core", "cores")) busy, "
                    + "the server \(Figures.decimal(server, places: 2))")
        }
        add("refusals", "server \(most(serverRefusals)); peers \(most(peerRefusals))")
        for attack in attacks { add(attacks.first?.name == attack.name ? "attacks" : "", attack.outcome) }
        add("seed", String(seed))
        if let command { add("again", command) }
        add("verdict", verdict.sentence)
        return lines
    }

    private var distributionTable: [String] {
        let kept = distributions.filter { $0.distribution.count > 0 }
        guard !kept.isEmpty else { return [] }
        let rows =
            [["", "p50", "p90", "p99", "max", "samples"]]
            + kept.map { each in
                let distribution = each.distribution
                return [each.title.lowercased()] + [0.5, 0.9, 0.99].map { Figures.duration(distribution.quantile($0)) }
                    + [Figures.duration(distribution.maximum), Figures.count(distribution.count)]
            }
        let widths = (1...5).map { column in max(rows.reduce(0) { max($0, $1[column].count) }, 7) }
        return rows.map { row in
            let cells = zip(row.dropFirst(), widths).map { cell, width in
                String(repeating: " ", count: width - cell.count) + cell
            }
            return row[0] + String(repeating: " ", count: Self.labelWidth - row[0].count)
                + cells.joined(separator: "  ")
        }
    }

    private static let labelWidth = 14

    private func list(_ count: Int, _ parts: String, share: String? = nil) -> String {
        let head = Figures.count(count) + (share.map { " (\($0))" } ?? "")
        return count == 0 ? "0" : "\(head): \(parts)"
    }

    private func mostTraffic(of bytes: Int) -> String {
        let kinds = traffic.enumerated().filter { $0.element.traffic.bytes > 0 }
            .sorted { ($1.element.traffic.bytes, $0.offset) < ($0.element.traffic.bytes, $1.offset) }.prefix(3)
            .map { "\($0.element.kind.title) \(Figures.share($0.element.traffic.bytes, of: bytes))" }
        return kinds.isEmpty ? "" : ": " + kinds.joined(separator: ", ")
    }

    /// Returns the total number of refusals, and the three most frequent reasons with their numbers.
    private func most(_ counters: RejectionCounters) -> String {
        let reasons = counters.nonZero.enumerated()
            .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
        let shown = reasons.prefix(3).map { "\($0.element.rejection.rawValue) \(Figures.count($0.element.count))" }
        let rest = reasons.count > 3 ? ", …" : ""
        return Figures.count(counters.total) + (shown.isEmpty ? "" : " (\(shown.joined(separator: ", "))\(rest))")
    }
}

extension Recording.Attack {
    /// The outcome of an attack: `replay: held, 0 of 1,200 tries, sent 1,200 datagrams`.
    fileprivate var outcome: String {
        let (tried, got) = goals.reduce((0, 0)) { ($0.0 + $1.tried, $0.1 + $1.got) }
        let outcome =
            "\(got == 0 ? "held" : "REACHED"), \(Figures.count(got)) of \(Figures.count(tried, "try", "tries"))"
        return (["\(name): \(outcome)"] + acts)
            .joined(separator: ", ")
    }
}
