internal import MeshReport
internal import MeshSimulator
internal import SecureMeshCore
internal import Testing

@Suite struct PageTests {
    @Test(
        "a page is well-formed and refers to nothing outside",
        arguments: [(0, 1), (1, 3), (5, 60), (50, 120), (61, 20), (500, 300)])
    func wellFormed(peers: Int, seconds: Int) {
        expectSound(SyntheticRecording.make(peers: peers, seconds: seconds).html)
    }

    @Test("an empty recording gives a page")
    func empty() {
        expectSound(Recording(seed: 0, title: "", names: []).html)
    }

    @Test("one recording gives the same bytes twice")
    func repeatable() {
        let first = SyntheticRecording.make(peers: 50, seconds: 60).html
        #expect(first == SyntheticRecording.make(peers: 50, seconds: 60).html)
        #expect(first != SyntheticRecording.make(peers: 50, seconds: 60, seed: 43).html)
    }

    @Test("a page of 500 peers is small")
    func size() {
        #expect(SyntheticRecording.make(peers: 500, seconds: 300).html.utf8.count < 500_000)
    }

    /// Checks the size of a page for a busy recording. Every peer joins and leaves every second, and all other events
    /// occur every second too.
    @Test("the size of a page is bounded", arguments: [60, 500])
    func bounded(peers: Int) {
        var recording = Recording(seed: 1, title: "", names: names(peers))
        for second in 0..<300 {
            let at = Duration.seconds(second)
            recording.note(.partitioned("cut \(second)"), at: at)
            recording.note(.attackBegan("attack \(second)"), at: at)
            recording.note(.networkChanged("loss \(second) %"), at: at)
            recording.note(.serverCrashed, at: at + .milliseconds(900))
            recording.note(.serverStarted, at: at + .milliseconds(950))
            for peer in 0..<peers {
                recording.note(.started, peer: peer, at: at)
                recording.note(.crashed, peer: peer, at: at + .milliseconds(500))
                var stay = Recording.Stay(peer: peer, from: at)
                stay.to = at + .milliseconds(700)
                stay.departure = .expired
                recording.stays.append(stay)
            }
        }
        recording.duration = .seconds(300)
        let page = recording.html
        expectSound(page)
        #expect(page.utf8.count < 1_000_000)
    }

    @Test("text from outside is escaped")
    func escaping() {
        let hostile = "<script>alert('1')</script> & \"x\" \u{1B}[2J\u{202E}\0\nend"
        var recording = SyntheticRecording.make(peers: 3, seconds: 20, title: hostile)
        recording.failure = hostile
        recording.command = hostile
        recording.note(.partitioned(hostile), at: .seconds(1))
        recording.note(.networkChanged(hostile), at: .seconds(2))
        recording.note(.attackBegan(hostile), at: .seconds(2))
        var attack = Recording.Attack(name: hostile, story: hostile)
        attack.goals = [(hostile, 1, 1)]
        recording.attacks.append(attack)
        let page = recording.html
        expectSound(page)
        let escaped =
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot; \\u{1b}[2J\\u{202e}\\u{0}\\nend"
        // Each word of the command is in its own element. So the texts and the attributes are checked one by one.
        let checker = PageChecker(page)
        let texts = [checker.text] + checker.attributes.map(\.value)
        #expect(checker.text.contains(escaped))
        #expect(
            texts.allSatisfy { $0.ranges(of: "&lt;script&gt;").count == $0.ranges(of: escaped).count })
    }

    @Test("the verdict comes first")
    func verdict() {
        var recording = SyntheticRecording.make(peers: 5, seconds: 20)
        #expect(heading(recording) == "whole again 1.84 s after the faults ended")
        recording.healedAfter = .zero
        #expect(heading(recording) == "whole already when the faults ended")
        recording.healedAfter = nil
        #expect(heading(recording) == "did not heal within 4 s after the faults ended")
        recording.healingBegan = nil
        #expect(heading(recording) == "no invariant broken until the end; there was no healing phase")
        recording.failure = "peer-2 is a member twice"
        #expect(heading(recording) == "invariant broken peer-2 is a member twice")
    }

    @Test("a page contains seed, command, peers and the results of attackers")
    func contents() {
        let page = PageChecker(SyntheticRecording.make(peers: 60, seconds: 60, seed: .max).html).text
        for expected in [
            "18446744073709551615", "p2p simulate --peers 60 --duration 60s --seed 18446744073709551615", "peer-60",
            "counterReplayed", "HEARTBEAT", "✓ held", "! reached, 4.0 %",
        ] {
            #expect(page.contains(expected), "\(expected)")
        }
    }

    @Test("the command breaks only between words")
    func command() {
        let page = SyntheticRecording.make(peers: 5, seconds: 20).html
        #expect(
            page.contains(
                "<code><span>p2p</span> <span>simulate</span> <span>--peers</span> <span>5</span> "
                    + "<span>--duration</span> <span>20s</span> <span>--seed</span> <span>42</span></code>"))
    }

    @Test("a partition's label omits the peers that are cut off")
    func partitionLabel() {
        var recording = SyntheticRecording.make(peers: 5, seconds: 20)
        recording.note(.partitioned("2 peers cut off: 0, 1"), at: .seconds(3))
        recording.note(.rejoined("2 peers cut off: 0, 1"), at: .seconds(4))
        #expect(recording.html.contains("</span> 2 peers cut off <span class=\"note\">1 s</span></span>"))
    }

    @Test("a note explains the traffic of the healing phase only if there is one")
    func trafficNote() {
        var recording = SyntheticRecording.make(peers: 5, seconds: 20)
        #expect(recording.html.contains("the peers stop sending messages; at the end some broadcast"))
        recording.healedAfter = nil
        #expect(recording.html.contains("the peers stop sending messages."))
        recording.healingBegan = nil
        #expect(!recording.html.contains("stop sending"))
    }

    @Test("the chronicle lists simultaneous equal events in one line")
    func chronicle() {
        var recording = Recording(seed: 1, title: "", names: names(60))
        recording.note(.converged, at: .seconds(90))
        for peer in [2, 0, 1] { recording.note(.left(.expired), peer: peer, at: .milliseconds(1_500)) }
        recording.note(.crashed, peer: 3, at: .milliseconds(1_500))
        recording.note(.left(.expired), peer: 4, at: .milliseconds(2_500))
        for peer in 0..<60 { recording.note(.restarted, peer: peer, at: .seconds(70)) }
        let lines = recording.html.matches(of: #/<tr><td>(.*)<\/td><th scope="row">(.*)<\/th><td>(.*)<\/td><\/tr>/#)
        let expired = "expired: no heartbeat within the lifetime"
        let listed = (0..<40).map { "p\($0)" }.joined(separator: ", ")
        #expect(
            lines.map { "\($0.1) | \($0.2) | \($0.3)" } == [
                "1.500 s | 3 peers | \(expired) <span class=\"note\">(p0, p1, p2)</span>",
                "1.500 s | p3 | crashed",
                "2.500 s | p4 | \(expired)",
                "1:10.000 min | 60 peers | started again <span class=\"note\">(\(listed), …)</span>",
                "1:30.000 min | world | the mesh is whole",
            ])
        #expect(recording.html.contains("66 events"))
    }

    @Test("nothing is shown by color alone")
    func colors() {
        let checker = PageChecker(SyntheticRecording.make(peers: 5, seconds: 60).html)
        for tag in ["title", "desc", "th", "figcaption", "summary"] { #expect(checker.tags.contains(tag)) }
        let pictures = checker.attributes.filter { $0.tag == "svg" && ["role", "aria-hidden"].contains($0.name) }
        #expect(pictures.count > 20)
        #expect(checker.attributes.filter { $0.name == "scope" }.allSatisfy { $0.tag == "th" })
    }

    @Test(
        "the checker reports errors",
        arguments: [
            "<p>", "</p>", "<p></b></p>", "<p a=b></p>", "<p a=\"1\" a=\"2\"></p>", "<p a=\"<\"></p>", "a & b", "a > b",
            "<p",
            "<p id=\"x\"></p><b id=\"x\"></b>", "<use href=\"#nowhere\"/>", "\u{1B}",
        ])
    func checker(page: String) {
        #expect(!PageChecker("<!DOCTYPE html>\n\(page)").complaints.isEmpty)
    }

    private func heading(_ recording: Recording) -> String? {
        recording.html.firstMatch(of: /<h1>(.*) <span>(.*)<\/span><\/h1>/).map { "\($0.1) \($0.2)" }
    }

    private func names(_ count: Int) -> [PeerName] { (0..<count).compactMap { try? PeerName("p\($0)") } }

    private func expectSound(_ page: String, sourceLocation: SourceLocation = #_sourceLocation) {
        let checker = PageChecker(page)
        #expect(checker.complaints.prefix(5).isEmpty, "\(checker.complaints.prefix(5))", sourceLocation: sourceLocation)
        for forbidden in ["http", "<script", "@import", "src=", "<link", "<iframe", "javascript:"] {
            #expect(!page.contains(forbidden), "\(forbidden)", sourceLocation: sourceLocation)
        }
        let handlers = checker.attributes.filter { $0.name.hasPrefix("on") }
        #expect(handlers.isEmpty, sourceLocation: sourceLocation)
        let references = page.matches(of: /url\(([^)]*)\)/).map { String($0.1) }
        #expect(references.allSatisfy { $0 == "#cut" }, sourceLocation: sourceLocation)
    }
}
