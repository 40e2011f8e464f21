internal import MeshSimulator
internal import SecureMeshCore

/// The tables of traffic, losses, refusals and attacks.
extension Page {
    var traffic: Markup {
        let rows: [Markup] = recording.traffic.filter { $0.traffic.datagrams > 0 }.map { kind, traffic in
            """
            <tr><th scope="row"><span class="kind">\(kind.title)</span> \
            <span class="note wide">\(kind.summary)</span></th>\
            <td>\(Figures.count(traffic.datagrams))</td>\
            <td>\(Figures.bytes(Double(traffic.bytes)))</td>\
            <td>\(bar(traffic.bytes, of: tally.bytes))</td>\
            <td class="wide">\(perMember(traffic.datagrams))</td>\
            <td>\(Figures.bytes(memberRate(traffic.bytes)))</td></tr>

            """
        }
        return table(
            id: "traffic", title: "Traffic by kind",
            intro: "Datagrams as sent, before losses. Shares are of the bytes; rates are per second and member.",
            head: """
                <th scope="col">kind</th><th scope="col">datagrams</th><th scope="col">bytes</th>\
                <th scope="col">share</th><th scope="col" class="wide">datagrams/s</th><th scope="col">bytes/s</th>
                """,
            rows: rows,
            foot: """
                <tr><th scope="row">all</th><td>\(Figures.count(tally.datagrams))</td>\
                <td>\(Figures.bytes(Double(tally.bytes)))</td><td></td>\
                <td class="wide">\(perMember(tally.datagrams))</td>\
                <td>\(Figures.bytes(memberRate(tally.bytes)))</td></tr>
                """,
            none: "Nothing was sent.")
    }

    var losses: Markup {
        let rows: [Markup] = recording.losses.filter { $0.count > 0 }.map { loss, count in
            """
            <tr><th scope="row">\(loss.label) <span class="note">\(loss.summary)</span></th>\
            <td>\(Figures.count(count))</td><td>\(bar(count, of: tally.datagrams))</td></tr>

            """
        }
        return table(
            id: "losses", title: "Losses by reason",
            intro: "Datagrams that did not arrive. Shares are of all datagrams sent.",
            head: "<th scope=\"col\">reason</th><th scope=\"col\">datagrams</th><th scope=\"col\">share</th>",
            rows: rows,
            foot: """
                <tr><th scope="row">all</th><td>\(Figures.count(tally.lost))</td>\
                <td>\(bar(tally.lost, of: tally.datagrams))</td></tr>
                """,
            none: "Nothing was lost.")
    }

    var refusals: Markup {
        let byCount = recording.refusals.enumerated().sorted { first, second in
            (second.element.total, first.offset) < (first.element.total, second.offset)
        }
        let rows: [Markup] = byCount.map { _, each in
            let usual: Markup = each.rejection.isEveryday ? " <span class=\"tag\">everyday</span>" : ""
            return """
                <tr><th scope="row"><code>\(each.rejection.rawValue)</code>\(usual) \
                <span class="note">\(each.rejection.summary)</span></th>\
                <td>\(zeroQuiet(each.server))</td><td>\(zeroQuiet(each.peers))</td></tr>

                """
        }
        return table(
            id: "refusals", title: "Refusals by reason",
            intro: """
                Datagrams that arrived and were refused, each under the first reason. None is answered. Everyday \
                refusals happen whenever datagrams are lost, repeated or reordered.
                """,
            head: "<th scope=\"col\">reason</th><th scope=\"col\">at the server</th><th scope=\"col\">at peers</th>",
            rows: rows,
            foot: """
                <tr><th scope="row">all</th><td>\(Figures.count(recording.serverRefusals.total))</td>\
                <td>\(Figures.count(recording.peerRefusals.total))</td></tr>
                """,
            none: "Nothing was refused.")
    }

    var attacks: Markup {
        guard !recording.attacks.isEmpty else { return "" }
        let tables: [Markup] = recording.attacks.map { attack in
            let rows: [Markup] = attack.goals.map { goal in
                let outcome: Markup =
                    goal.got == 0
                    ? "<span class=\"held\">✓ held</span>"
                    : "<span class=\"reached\">! reached, \(Figures.share(goal.got, of: goal.tried))</span>"
                return """
                    <tr><th scope="row">\(goal.goal)</th><td>\(Figures.count(goal.tried))</td>\
                    <td>\(Figures.count(goal.got))</td><td>\(outcome)</td></tr>

                    """
            }
            let did = attack.acts.joined(separator: ", ")
            return """
                <div class="attack">
                <h3>\(attack.name)</h3>
                <p class="intro">\(attack.story)\(did.isEmpty ? "" : " It \(did).")</p>
                <table><thead><tr><th scope="col">goal</th><th scope="col">tried</th><th scope="col">got</th>\
                <th scope="col">outcome</th></tr></thead><tbody>
                \(rows.isEmpty ? ["<tr><td colspan=\"4\" class=\"none\">no goal was recorded</td></tr>"] : rows)
                </tbody></table>
                </div>

                """
        }
        return """
            <section aria-labelledby="attacks">
            <h2 id="attacks">What attackers tried and got</h2>
            <div class="attacks">
            \(tables)
            </div>
            </section>
            """
    }

    private func table(
        id: String, title: String, intro: String, head: Markup, rows: [Markup], foot: Markup, none: String
    )
        -> Markup
    {
        let body: Markup =
            rows.isEmpty
            ? "<p class=\"none\">\(none)</p>"
            : """
            <table><thead><tr>\(head)</tr></thead><tbody>
            \(rows)</tbody><tfoot>\(foot)</tfoot></table>
            """
        return """
            <section aria-labelledby="\(id)">
            <h2 id="\(id)">\(title)</h2>
            <p class="intro">\(intro)</p>
            \(body)
            </section>
            """
    }

    private func zeroQuiet(_ count: UInt64) -> Markup {
        count == 0 ? "<span class=\"zero\">0</span>" : "\(Figures.count(count))"
    }

    /// Returns a bar and the percentage that it shows.
    private func bar(_ part: Int, of whole: Int) -> Markup {
        let percent = whole > 0 ? Double(part) / Double(whole) * 100 : 0
        return """
            <svg class="share" width="48" height="8" aria-hidden="true"><rect class="rest" width="48" height="8"/>\
            <rect class="part" width="\(Geometry.tenth(percent * 0.48))" height="8"/></svg> \
            \(Figures.share(part, of: whole))
            """
    }

    private func memberRate(_ amount: Int) -> Double {
        let seconds = recording.memberTime.seconds
        return seconds > 0 ? Double(amount) / seconds : 0
    }

    private func perMember(_ amount: Int) -> String { Figures.figures(memberRate(amount)) }
}

extension Recording {
    /// The refusals that occurred at the server or at peers, in the order in which `Rejection` declares them.
    var refusals: [Refusal] {
        Rejection.allCases.map { Refusal(rejection: $0, server: serverRefusals[$0], peers: peerRefusals[$0]) }
            .filter { $0.total > 0 }
    }

    struct Refusal {
        let rejection: Rejection
        let server: UInt64
        let peers: UInt64

        var total: UInt64 { server + peers }
    }
}

extension Recording.Attack {
    /// Phrases for what the attacker did to datagrams: `sent 1,200 datagrams`.
    var acts: [String] {
        var acts: [String] = []
        if sent > 0 { acts.append("sent " + Figures.count(sent, "datagram", "datagrams")) }
        if altered > 0 { acts.append("altered " + Figures.count(altered)) }
        if withheld > 0 { acts.append("withheld " + Figures.count(withheld)) }
        return acts
    }
}
