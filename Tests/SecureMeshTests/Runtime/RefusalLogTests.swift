internal import Testing

@testable internal import SecureMesh

@Suite("The log of refusals")
struct RefusalLogTests {
    private let start = Instant(nanoseconds: 0)
    private let lines = LogLines()

    private func address(_ host: UInt32, _ port: UInt16) -> SocketAddress { SocketAddress(ip: .v4(host), port: port) }

    private func log(_ senders: [SocketAddress], _ reason: Rejection = .unknownKind) -> [String] {
        let log = RefusalLog()
        var counters = RejectionCounters()
        for sender in senders {
            counters.count(reason)
            log.note(total: counters.total, counters.last, from: sender)
        }
        log.log(counters, to: lines.logger, now: start)
        return lines.take()
    }

    @Test("a line names its source if it is one address, or one host that uses several ports")
    func sources() {
        let (a, b) = (address(0xC000_0201, 9), address(0xC000_0202, 9))
        #expect(log([a, a]) == ["notice refused datagrams count=2 reason=unknownKind source=192.0.2.1:9"])
        #expect(log([a, b, a]) == ["notice refused datagrams count=3 reason=unknownKind"])
        #expect(
            log([a, address(0xC000_0201, 10), a])
                == ["notice refused datagrams count=3 reason=unknownKind source=192.0.2.1"])
        #expect(
            log([
                SocketAddress(ip: .v6(0x2001_0DB8 << 32, 1), port: 1),
                SocketAddress(ip: .v6(0x2001_0DB8 << 32, 1), port: 2),
            ])
                == ["notice refused datagrams count=2 reason=unknownKind source=[2001:db8::1]"])
        #expect(log([a], .unknownTag) == ["debug refused datagrams count=1 reason=unknownTag source=192.0.2.1:9"])
    }

    @Test("the source of a line is that of the datagrams since the line before")
    func sourceOfLaterLine() {
        let log = RefusalLog()
        var counters = RejectionCounters()
        for (second, host) in [(0, 1), (5, 2), (6, 2), (10, 2)] as [(Int, UInt32)] {
            counters.count(.unknownKind)
            log.note(total: counters.total, counters.last, from: address(host, 9))
            log.log(counters, to: lines.logger, now: start + .seconds(second))
        }
        #expect(
            lines.take() == [
                "notice refused datagrams count=1 reason=unknownKind source=0.0.0.1:9",
                "notice refused datagrams count=3 reason=unknownKind source=0.0.0.2:9",
            ])
        while let deadline = log.deadline { log.log(counters, to: lines.logger, now: deadline) }
        #expect(lines.take() == ["notice refusals ended refused.unknownKind=4 seconds=10 total=4"])
    }
}
