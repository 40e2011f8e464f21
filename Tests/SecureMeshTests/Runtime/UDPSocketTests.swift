internal import NIOCore
internal import NIOPosix
internal import SelfTest
internal import Testing

@testable internal import SecureMesh

@Suite("Sockets", .timeLimit(.minutes(1)))
struct UDPSocketTests {
    private final class Token {}

    @Test("a bind that fails leaves no socket open, and nothing that holds on to it")
    func failedBind() async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        weak var held: Token?
        do {
            let token = Token()
            held = token
            let socket = UDPSocket(
                index: 0, address: Fixture.address(1), profile: .peer, eventLoop: eventLoop,
                logger: LoopbackMesh.quiet, onDatagram: { _, _ in _ = token }, onBurst: {})
            await #expect(throws: (any Error).self) { try await socket.bind(sharesPort: false) }
        }
        // What closes on the event loop has closed then.
        for _ in 0..<2 { try await eventLoop.submit {}.get() }
        #expect(held == nil)
    }
}
