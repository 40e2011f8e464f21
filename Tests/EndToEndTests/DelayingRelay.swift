internal import Foundation
internal import Synchronization

/// Passes on the datagrams between a server and a peer on this host, each after a delay.
final class DelayingRelay: Sendable {
    private struct Waiting {
        let bytes: [UInt8]
        let port: UInt16
        let due: ContinuousClock.Instant
    }

    private let socket: UDP.Socket
    private let count = Mutex(0)

    /// The address of this relay, which the peer uses as the address of its server.
    var address: String { "127.0.0.1:\(socket.port)" }
    /// The number of datagrams that were passed on.
    var passed: Int { count.withLock { $0 } }

    /// - Parameters:
    ///   - server: The server's port.
    ///   - delay: The delay of each datagram, in both directions.
    init(to server: UInt16, delay: Duration) throws {
        socket = try UDP.Socket(.loopback4)
        Thread.detachNewThread { [weak self] in
            var peer: UInt16?
            var waiting: [Waiting] = []
            while let self {
                if let (bytes, source) = socket.receive(within: 1) {
                    if source != server { peer = source }
                    if let port = source == server ? peer : server {
                        waiting.append(Waiting(bytes: bytes, port: port, due: .now + delay))
                    }
                }
                while let first = waiting.first, first.due <= .now {
                    socket.send(first.bytes, to: .loopback4, port: first.port)
                    count.withLock { $0 += 1 }
                    waiting.removeFirst()
                }
            }
        }
    }

    /// Waits until `number` datagrams were passed on.
    func waitForPassed(_ number: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while passed < number {
            guard ContinuousClock.now < deadline else {
                throw MissingOutcome(what: "\(number) datagrams", from: "a relay that passed on \(passed)")
            }
            try await RunningProcess.pause()
        }
    }
}
