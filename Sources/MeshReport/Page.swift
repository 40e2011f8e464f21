package import MeshSimulator

extension Recording {
    /// The recording as an HTML page without scripts and without references to other files. The same recording gives
    /// the same bytes.
    package var html: String { Page(self).markup.text }
}

/// The HTML page of a recording: the verdict first, then figures, drawings and tables.
struct Page {
    let recording: Recording
    let history: History
    let scale: TimeScale
    let tally: Tally

    init(_ recording: Recording) {
        self.recording = recording
        history = History(recording)
        scale = TimeScale(history.duration)
        tally = Tally(recording, history: history)
    }

    var markup: Markup {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <meta name="color-scheme" content="light dark"/>
        <title>\(recording.verdict.title), seed \(String(recording.seed)): \(recording.title)</title>
        <style>
        \(Self.style)
        </style>
        </head>
        <body>
        \(Symbols.definitions)
        <main>
        \(header)
        \(keyFigures)
        \(timeline)
        \(distributions)
        \(attacks)
        \(refusals)
        <div class="pair">
        \(traffic)
        \(losses)
        </div>
        \(chronicle)
        \(footer)
        </main>
        </body>
        </html>

        """
    }

    private var header: Markup {
        let verdict = recording.verdict
        let sign: Markup
        let tone: String
        switch verdict {
        case .healed: (sign, tone) = (Symbols.use("v-good"), "good")
        case .ended: (sign, tone) = (Symbols.use("v-plain"), "plain")
        case .notHealed, .broken: (sign, tone) = (Symbols.use("v-bad"), "bad")
        }
        let command: Markup =
            if let command = recording.command {
                """
                <p class="again"><span class="label">again</span> <code>\(words(of: command))</code></p>
                """
            } else {
                ""
            }
        return """
            <header class="\(tone)">
            <svg class="badge" width="36" height="36" viewBox="-18 -18 36 36" aria-hidden="true">\(sign)</svg>
            <div class="words">
            <h1>\(verdict.title) <span>\(verdict.detail)</span></h1>
            <p class="title">\(recording.title)</p>
            <p class="again"><span class="label">seed</span> <code>\(String(recording.seed))</code></p>
            \(command)
            </div>
            </header>
            """
    }

    /// Returns the command with each word in an element, so that lines break between words and not at the hyphens of an
    /// option.
    private func words(of command: String) -> Markup {
        let words = command.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        let pieces: [Markup] = words.enumerated().map { index, word in
            "\(index == 0 ? "" : " ")<span>\(word)</span>"
        }
        return "\(pieces)"
    }

    private var keyFigures: Markup {
        let rates = tally.rates
        let joinNote = recording.joinTimes.count == 0 ? "" : "p99 \(p99(recording.joinTimes))"
        var figures: [(value: String, what: String, note: String)] = [
            (
                Figures.count(recording.names.count), recording.names.count == 1 ? "peer" : "peers",
                "for \(Figures.duration(recording.duration))"
            ),
            (Figures.count(tally.joins), "joins", joinNote),
            (Figures.count(tally.departureCount), "departures", tally.departureSummary),
            (Figures.count(tally.faultCount), "faults", tally.faultSummary),
        ]
        if recording.convergence.count > 0 {
            let count = Figures.count(recording.convergence.count)
            figures.append((p99(recording.convergence), "convergence, p99", "of \(count) changes"))
        }
        figures.append(
            (
                Figures.figures(rates.memberDatagrams), "datagrams per second and member",
                Figures.bytes(rates.memberBytes) + "/s"
            ))
        if recording.deliveriesExpected > 0 {
            figures.append(
                (
                    Figures.share(recording.deliveries, of: recording.deliveriesExpected), "messages delivered",
                    "\(Figures.count(recording.deliveries)) of \(Figures.count(recording.deliveriesExpected))"
                ))
        }
        if !recording.attacks.isEmpty {
            let (tried, got) = tally.goals
            figures.append((Figures.count(got), "goals reached by attackers", "of \(Figures.count(tried)) tries"))
        }
        let items: [Markup] = figures.map { figure in
            """
            <div class="\(figure.note.count > 30 ? "long" : "short")"><dt>\(figure.what)</dt>\
            <dd class="value">\(figure.value)</dd><dd class="note">\(figure.note)</dd></div>

            """
        }
        return "<dl class=\"figures\">\(items)</dl>"
    }

    private func p99(_ distribution: Distribution) -> String { Figures.duration(distribution.quantile(0.99)) }

    private var footer: Markup {
        var facts = [
            "\(Figures.count(recording.steps)) steps",
            "trace \(Figures.hexadecimal(recording.traceHash))",
            "\(Figures.duration(recording.memberTime)) of membership in total",
        ]
        if recording.omittedEvents > 0 {
            let limit = Figures.count(Recording.eventLimit)
            facts.append("\(Figures.count(recording.omittedEvents)) events after the first \(limit) were not kept")
        }
        return """
            <footer>
            <p>\(facts.joined(separator: " · "))</p>
            <p>All times are simulated, since the beginning. The same command gives the same page, byte for byte.</p>
            </footer>
            """
    }
}
