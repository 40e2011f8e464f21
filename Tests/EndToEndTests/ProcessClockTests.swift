internal import SecureMesh
internal import Synchronization
internal import Testing

@testable import MeshControl

/// Tests the times in a server's status when the clock of its host is set to another time.
@Suite("a host whose clock is set")
struct ProcessClockTests {
    /// A model of a host with two clocks: a clock that can be set, and a monotonic clock.
    private final class Host: Sendable {
        private let times = Mutex((set: Int64(1_000), elapsed: Duration.zero))

        var clock: ProcessClock {
            ProcessClock {
                self.times.withLock { Timestamp(milliseconds: $0.set) }
            } elapsed: {
                self.times.withLock { $0.elapsed }
            }
        }

        func pass(_ time: Duration) {
            times.withLock { times in
                times.elapsed += time
                times.set += time.wholeNanoseconds / 1_000_000
            }
        }

        func set(by time: Duration) {
            times.withLock { $0.set += time.wholeNanoseconds / 1_000_000 }
        }
    }

    private static let steps: [Duration] = [.seconds(56 * 365 * 86_400), .seconds(-3_600), .milliseconds(-101)]

    @Test(
        "the ages of a process and of its problems do not change, and times are those of the clock as it is now",
        arguments: steps)
    func ages(step: Duration) async throws {
        let host = Host()
        let key = SigningKey()
        let server = try MeshServer(
            MeshServer.Configuration(key: key, roster: .open, listen: [SocketAddress("127.0.0.1:0")]))
        let list = ServerInspector.List(path: "list") { _ throws(ControlError) in
            throw ControlError(.listRefused, "no list")
        } note: { _ in
        }
        let inspector = ServerInspector(
            server, key: key.publicKey, roster: .open, list: list,
            identity: ProcessIdentity(version: "1", process: 1, clock: host.clock))
        let running = Task { try await server.run() }
        defer { running.cancel() }
        host.pass(.seconds(60))
        await #expect(throws: ControlError.self) { try await inspector.reload() }
        host.pass(.seconds(5))
        host.set(by: step)
        host.pass(.seconds(5))
        for _ in 0..<2 {
            let status = await inspector.report(listsMembers: true).status
            #expect(status.time == Timestamp(milliseconds: 71_000).moved(by: step.wholeNanoseconds / 1_000_000))
            #expect(status.time - status.startedAt == .seconds(70))
            let since = try #require(status.problems.first?.since)
            #expect(status.time - since == .seconds(10))
            // The two clocks are not read at the same instant. A difference of 50 ms must not change the times.
            host.set(by: .milliseconds(50))
        }
    }

    @Test("a member that failed is remembered for a day, whatever the host's clock says")
    func memory() throws {
        let host = Host()
        let clock = host.clock
        let member = Member(
            name: try PeerName("A"), publicKey: SigningKey().publicKey, address: try SocketAddress("127.0.0.1:1"))
        var history = MemberHistory()
        history.noteJoin(member, at: clock.now)
        history.noteDeparture(member, .expired, at: clock.now)
        host.set(by: .seconds(400 * 86_400))
        host.pass(.seconds(86_399))
        #expect(history.absences(clock.now).count == 1)
        host.set(by: .seconds(-900 * 86_400))
        host.pass(.seconds(2))
        #expect(history.absences(clock.now).isEmpty)
    }
}
