package import Logging
package import SecureMesh

/// A server and its peers on real sockets of this host. The server and each peer run until the closure that uses them
/// has returned.
package struct LoopbackMesh {
    package let server: MeshServer
    package let serverKey: SigningKey
    package let address: SocketAddress

    /// Runs a server on free ports until `body` returns.
    package static func run(
        listen: [String] = ["127.0.0.1:0"], roster: Roster = .open,
        configure: (inout MeshServer.Configuration) -> Void = { _ in },
        _ body: @Sendable (LoopbackMesh) async throws -> Void
    ) async throws {
        let key = SigningKey()
        let addresses = try listen.map { try require(try? SocketAddress($0), "no address: \($0)") }
        var configuration = MeshServer.Configuration(key: key, roster: roster, listen: addresses)
        configure(&configuration)
        let server = try MeshServer(configuration, logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            let address = try require(try await server.boundAddresses.first, "no socket")
            try await body(LoopbackMesh(server: server, serverKey: key, address: address))
            tasks.cancelAll()
        }
    }

    /// Runs a peer until `body` returns.
    package func withPeer(
        _ name: String, key: SigningKey = SigningKey(), server: SocketAddress? = nil,
        _ configure: (inout MeshPeer.Configuration) -> Void = { _ in },
        _ body: @Sendable (RunningPeer) async throws -> Void
    ) async throws {
        var configuration = MeshPeer.Configuration(
            key: key, name: try require(try? PeerName(name), "no name: \(name)"), server: server ?? address,
            serverKeys: [serverKey.publicKey])
        configure(&configuration)
        let peer = try MeshPeer(configuration, logger: Self.quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await peer.run() }
            try await body(RunningPeer(peer: peer, key: key, events: EventLog(peer.events)))
            tasks.cancelAll()
        }
    }

    package static var quiet: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}

package struct RunningPeer: Sendable {
    package let peer: MeshPeer
    package let key: SigningKey
    package let events: EventLog
}

/// The events of a peer, which a test reads one at a time.
package actor EventLog {
    private var iterator: MeshEvents<PeerEvent>.AsyncIterator

    package init(_ events: MeshEvents<PeerEvent>) {
        iterator = events.makeAsyncIterator()
    }

    /// Returns the next event for which `matches` returns true; nil if the peer ends before such an event. Discards all
    /// earlier events.
    package func next(_ matches: @Sendable (PeerEvent) -> Bool) async -> PeerEvent? {
        var iterator = iterator
        defer { self.iterator = iterator }
        while let event = await iterator.next(isolation: self) {
            if matches(event) { return event }
        }
        return nil
    }

    package func joined() async {
        _ = await next { if case .joined = $0 { true } else { false } }
    }

    /// Waits until the peer reports that a member named `name` has joined.
    package func sees(_ name: String) async {
        _ = await next { if case .memberJoined(let member) = $0 { member.name.description == name } else { false } }
    }

    package func message() async -> ReceivedMessage? {
        guard case .message(let message) = await next({ if case .message = $0 { true } else { false } }) else {
            return nil
        }
        return message
    }
}
