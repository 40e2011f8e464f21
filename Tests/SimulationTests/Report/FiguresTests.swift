@testable internal import MeshReport
internal import MeshSimulator
internal import Testing

@Suite struct FiguresTests {
    @Test(
        "durations as text",
        arguments: [
            (Duration.zero, "0 s"), (.nanoseconds(999), "999 ns"), (.microseconds(250), "250 µs"),
            (.nanoseconds(999_499), "999 µs"), (.nanoseconds(999_500), "1.0 ms"), (.microseconds(1_250), "1.3 ms"),
            (.microseconds(9_949), "9.9 ms"), (.microseconds(9_950), "10 ms"), (.milliseconds(12), "12 ms"),
            (.microseconds(999_499), "999 ms"), (.microseconds(999_500), "1.00 s"), (.seconds(1), "1 s"),
            (.milliseconds(1_250), "1.25 s"), (.milliseconds(9_994), "9.99 s"), (.milliseconds(9_995), "10.0 s"),
            (.milliseconds(12_340), "12.3 s"), (.milliseconds(59_949), "59.9 s"), (.milliseconds(59_950), "1 min"),
            (.seconds(60), "1 min"), (.seconds(125), "2 min 5 s"), (.milliseconds(3_599_600), "1 h"),
            (.seconds(7_500), "2 h 5 min"), (.milliseconds(-1_250), "-1.25 s"),
        ])
    func durations(duration: Duration, expected: String) {
        #expect(Figures.duration(duration) == expected)
    }

    @Test(
        "times as text",
        arguments: [
            (Duration.zero, "0.000 s"), (.milliseconds(12_408), "12.408 s"), (.milliseconds(72_408), "1:12.408 min"),
            (.milliseconds(3_600_000 + 72_408), "1:01:12.408 h"),
        ])
    func moments(at: Duration, expected: String) {
        #expect(Figures.moment(at) == expected)
    }

    @Test("whole numbers as text", arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")])
    func counts(count: Int, expected: String) {
        #expect(Figures.count(count) == expected)
    }

    @Test(
        "numbers of bytes as text",
        arguments: [
            (0.0, "0 B"), (312, "312 B"), (999.4, "999 B"), (999.6, "1.00 kB"), (5_310, "5.31 kB"),
            (12_000_000, "12.0 MB"),
            (3_456_000_000, "3.46 GB"),
        ])
    func bytes(bytes: Double, expected: String) {
        #expect(Figures.bytes(bytes) == expected)
    }

    @Test(
        "percentages as text",
        arguments: [
            (0, 0, "0 %"), (0, 9, "0 %"), (9, 9, "100 %"), (1, 10_000, "< 0.1 %"), (9_999, 10_000, "> 99.9 %"),
            (31, 1_000, "3.1 %"), (312, 1_000, "31 %"), (997, 1_000, "99.7 %"),
        ])
    func shares(part: Int, whole: Int, expected: String) {
        #expect(Figures.share(part, of: whole) == expected)
    }

    @Test(
        "a time axis has a few ticks, the first at its beginning",
        arguments: [
            Duration.zero, .nanoseconds(1), .milliseconds(3), .seconds(1), .seconds(60), .seconds(300),
            .seconds(400_000),
        ])
    func axis(duration: Duration) {
        let scale = TimeScale(duration)
        #expect(scale.ticks.first?.at == .zero)
        #expect(scale.ticks.count <= 14)
        #expect(scale.ticks.count { $0.isMajor } <= 7)
        #expect(Set(scale.ticks.map(\.label)).count == scale.ticks.count)
    }
}
