import Foundation
import SecureMesh
import Testing

@Suite("Times by the calendar") struct UnixTimeTests {
    @Test("a date means its end in UTC, and a time by RFC 3339 means itself")
    func read() throws {
        let cases: [(text: String, seconds: Int64)] = [
            ("1970-01-01T00:00:00Z", 0), ("1970-01-01", 86_400), ("2026-12-31", 1_798_761_600),
            ("2026-12-31T18:00:00Z", 1_798_740_000), ("2026-12-31t18:00:00.999z", 1_798_740_000),
            ("2026-12-31T18:00:00+01:00", 1_798_736_400), ("2026-12-31T18:00:00-00:30", 1_798_741_800),
            ("2000-02-29", 951_868_800), ("2024-02-29T23:59:60Z", 1_709_251_200),
        ]
        for (text, seconds) in cases { #expect(UnixTime(text)?.seconds == seconds, "\(text)") }
    }

    @Test(
        "a text that is no time is refused",
        arguments: [
            "", "tomorrow", "2026", "2026-12", "2026-13-01", "2026-00-01", "2026-02-29", "2100-02-29", "2026-04-31",
            "2026-12-31T", "2026-12-31T18:00", "2026-12-31T18:00:00", "2026-12-31T24:00:00Z", "2026-12-31T18:60:00Z",
            "2026-12-31T18:00:61Z", "2026-12-31T18:00:00.Z", "2026-12-31T18:00:00Z ", "2026-12-31 18:00:00Z",
            "1969-12-31", "+026-12-31", "2026-12-3١",
        ])
    func refused(text: String) {
        #expect(UnixTime(text) == nil)
    }

    @Test("days are printed as Foundation prints them, and read again")
    func allDays() throws {
        let formatter = ISO8601DateFormatter()
        for day in stride(from: Int64(0), to: 150_000, by: 7) {
            let time = UnixTime(seconds: day * 86_400 + day % 86_400)
            let text = formatter.string(from: Date(timeIntervalSince1970: Double(time.seconds)))
            #expect(time.description == text)
            #expect(UnixTime(text) == time)
        }
    }
}
