internal import SecureMesh
internal import Testing

@testable import p2p

@Suite("keys that will expire")
struct ExpiryWatchTests {
    @Test("the server warns two weeks, a day and an hour before a key expires, once each")
    func notices() throws {
        let end = try #require(UnixTime("2027-01-31T12:00:00Z"))
        let watch = ExpiryWatch(
            try Roster("A \(SigningKey().publicKey) until=\(end)\nB \(SigningKey().publicKey)\n"))
        func count(_ secondsBefore: Int64) -> Int {
            watch.warnings(at: UnixTime(seconds: end.seconds - secondsBefore)).count
        }
        #expect(count(15 * 86_400) == 0)
        #expect(count(14 * 86_400) == 1 && count(2 * 86_400) == 0)
        #expect(count(86_400) == 1 && count(3_601) == 0)
        #expect(count(3_600) == 1 && count(1) == 0 && count(0) == 0)
    }

    @Test("a clock that was an hour before the end by mistake does not use up the warnings")
    func setBack() throws {
        let end = try #require(UnixTime("2027-01-31T12:00:00Z"))
        let watch = ExpiryWatch(try Roster("A \(SigningKey().publicKey) until=\(end)\n"))
        func count(_ secondsBefore: Int64) -> Int {
            watch.warnings(at: UnixTime(seconds: end.seconds - secondsBefore)).count
        }
        #expect(count(60) == 1)
        #expect(count(20 * 86_400) == 0)
        #expect(count(14 * 86_400) == 1)
        #expect(count(86_400) == 1)
        #expect(count(3_600) == 1)
    }
}
