import SecureMesh
import SelfTest
import Testing

@Suite("Names and session ids")
struct NameTests {
    static let names: [(String, Bool)] = [
        ("A", true), ("peer.B-2_x", true), (String(repeating: "z", count: 32), true), ("-", true), ("..", true),
        ("", false), (String(repeating: "z", count: 33), false), ("a b", false), ("a\0", false), ("a\n", false),
        ("é", false), ("a/b", false), ("\u{1B}[2J", false), ("а", false), ("A\u{301}", false), ("🙂", false),
    ]

    @Test("a name is 1 to 32 of A-Z a-z 0-9 . _ -", arguments: names)
    func isName(_ text: String, isName: Bool) {
        #expect(((try? PeerName(text)) != nil) == isName)
        #expect((try? PeerName(text))?.description == (isName ? text : nil))
    }

    @Test("65 of the 256 bytes are allowed in a name")
    func alphabet() {
        let allowed = (UInt8.min...UInt8.max).filter(PeerName.isAllowed)
        let text = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
        #expect(allowed == Array(text.utf8))
    }

    @Test("session 0 does not exist, and ids compare as unsigned numbers")
    func sessionIDs() throws {
        #expect(SessionID(rawValue: 0) == nil)
        #expect(try Fixture.session(1) < Fixture.session(.max))
        #expect(try Fixture.session(1 << 62) < Fixture.session(1 << 63))
    }
}

@Suite("Fixed bytes")
struct FixedBytesTests {
    @Test("32 bytes keep their order, from any offset")
    func bytes32() throws {
        let bytes = [UInt8](0..<40)
        #expect(Bytes32(bytes.span, at: 5).array == [UInt8](5..<37))
        #expect(try #require(Bytes32([UInt8](0..<32))).array == [UInt8](0..<32))
        for count in [0, 31, 33, 64] { #expect(Bytes32([UInt8](repeating: 1, count: count)) == nil) }
        #expect(Bytes32.zero.array == [UInt8](repeating: 0, count: 32))
    }

    @Test("values that differ in one bit are not equal")
    func equality() throws {
        let bytes = [UInt8](repeating: 0xAA, count: 32)
        for bit in 0..<256 {
            let other = bytes.flipping(bit: bit)
            #expect(Bytes32(bytes.span) != Bytes32(other.span))
            if bit < 128 { #expect(Bytes16(bytes.span) != Bytes16(other.span)) }
        }
        #expect(Bytes32(bytes.span).hashValue == Bytes32(bytes.span).hashValue)
    }

    @Test("16 bytes keep their order, from any offset")
    func bytes16() {
        let bytes = [UInt8](0..<20)
        #expect(Bytes16(bytes.span, at: 3).array == [UInt8](3..<19))
        #expect(Bytes16.zero.array == [UInt8](repeating: 0, count: 16))
    }
}

@Suite("Instants")
struct InstantTests {
    @Test("instants and durations add and subtract in whole nanoseconds")
    func arithmetic() {
        let instant = Instant(nanoseconds: 5)
        #expect(instant + .nanoseconds(7) == Instant(nanoseconds: 12))
        #expect(instant - .nanoseconds(7) == Instant(nanoseconds: -2))
        #expect(Instant(nanoseconds: 12) - instant == .nanoseconds(7))
        #expect(instant < Instant(nanoseconds: 6))
        #expect(Duration.milliseconds(1_500).wholeNanoseconds == 1_500_000_000)
        #expect(Duration.seconds(-3).wholeNanoseconds == -3_000_000_000)
    }

    @Test("extreme instants and durations saturate: a sum neither traps nor wraps to the other end of time")
    func extremes() {
        let (first, last) = (Instant(nanoseconds: .min), Instant(nanoseconds: .max))
        #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).wholeNanoseconds == .min)
        #expect(
            Duration(secondsComponent: 9_223_372_036, attosecondsComponent: 999_999_999 * 1_000_000_000)
                .wholeNanoseconds == .max)
        #expect(
            Duration(secondsComponent: -9_223_372_036, attosecondsComponent: -999_999_999 * 1_000_000_000)
                .wholeNanoseconds == .min)
        #expect(last + .seconds(1) == last && first - .seconds(1) == first)
        #expect(first + .seconds(-1) == first && last - .seconds(-1) == last)
        #expect(first - last == .nanoseconds(Int64.min) && last - first == .nanoseconds(Int64.max))
        // The difference to an extreme instant has the right sign, so the earliest instant is always due.
        #expect(first - Instant(nanoseconds: 1) < .zero && Instant(nanoseconds: -1) - last < .zero)
        #expect(Instant(nanoseconds: 1) - first > .zero)
    }

    @Test("a token bucket survives a clock that jumps from the last instant to the first")
    func bucketAtExtremes() {
        let rate = Rate(perSecond: 200, burst: 400)
        var bucket = RateLimiter()
        let atLast = bucket.take(upTo: 3, rate, now: Instant(nanoseconds: .max))
        let atFirst = bucket.take(upTo: 3, rate, now: Instant(nanoseconds: .min))
        let isAccepted = bucket.accept(rate, now: Instant(nanoseconds: .min))
        #expect(atLast == 3 && atFirst == 0 && !isAccepted)
    }

    @Test("the earliest instant is found among those that are set")
    func earliest() {
        let (early, late) = (
            Instant(nanoseconds: 1), Instant(nanoseconds: 2)
        )
        #expect(Instant.earliest([nil, late, nil, early]) == early)
        #expect(Instant.earliest([late]) == late)
        #expect(Instant.earliest([nil, nil]) == nil)
        #expect(Instant.earliest([]) == nil)
    }
}

@Suite("Limits")
struct LimitsTests {
    @Test("a full flood keeps a pending entry at least 2.4 s, as the protocol says")
    func pendingTime() {
        let perSecond = Double(Limits.handshakeShare) * 1_000_000 / Double(Limits.helloCost)
        let burst = Double(Limits.handshakeBurst) / Double(Limits.helloCost)
        #expect((Double(Limits.pendingEntries) - burst) / perSecond >= 2.4)
        // Each entry is charged for the key agreement and for the answer.
        #expect((1..<Limits.helloCost).contains(Limits.helloAgreementCost))
    }

    @Test("heartbeat, lifetime and sweep have the default intervals of PROTOCOL.md")
    func intervals() {
        #expect(ProtocolConstants.heartbeatInterval == .milliseconds(500))
        #expect(ProtocolConstants.lifetime == .milliseconds(1_500))
        #expect(ProtocolConstants.sweepInterval == .milliseconds(500))
    }

    @Test("a member may ask for the directory at the permitted rate and keep its heartbeats, at every interval")
    func requestsWithinMemberRate() {
        for milliseconds in 20...20_000 {
            let interval = Duration.milliseconds(milliseconds)
            let allowed = Limits.memberRate(heartbeatInterval: interval)
            let requests = Limits.requestRate(heartbeatInterval: interval)
            let heartbeats = 1_000 / Double(milliseconds)
            #expect(Double(requests.perSecond) + heartbeats <= Double(allowed.perSecond), "\(interval)")
            #expect(Double(allowed.perSecond + 1) >= 5 * heartbeats, "\(interval)")
            #expect(allowed.burst == 4 * allowed.perSecond && requests.burst < allowed.burst, "\(interval)")
        }
    }

    @Test("scaling a rate changes both of its parameters")
    func rates() {
        #expect(Rate(perSecond: 3, burst: 5).scaled(by: 8) == Rate(perSecond: 24, burst: 40))
    }
}
