internal import Logging
internal import SecureMesh
internal import Testing

/// A server and its peers on real sockets of this machine, for as long as a test runs.
struct LoopbackMesh {
    let server: MeshServer
    let serverKey: SigningKey
    let address: SocketAddress

    /// Runs a server on free ports, calls `body`, ends the server.
    static func run(
        listen: [String] = ["127.0.0.1:0"], roster: Roster = .open,
        _ body: @Sendable (LoopbackMesh) async throws -> Void
    ) async throws {
        let key = SigningKey()
        let addresses = try listen.map { try #require(SocketAddress($0)) }
        let server = try MeshServer(.init(key: key, roster: roster, listen: addresses), logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await server.run() }
            let address = try #require(try await server.boundAddresses().first)
            try await body(LoopbackMesh(server: server, serverKey: key, address: address))
            tasks.cancelAll()
        }
    }

    /// Runs a peer beside `body`, and ends it after.
    func withPeer(
        _ name: String, key: SigningKey = SigningKey(), server: SocketAddress? = nil,
        _ configure: (inout MeshPeer.Configuration) -> Void = { _ in },
        _ body: @Sendable (RunningPeer) async throws -> Void
    ) async throws {
        var configuration = MeshPeer.Configuration(
            key: key, name: try #require(PeerName(name)), serverKeys: [serverKey.publicKey],
            server: server ?? address)
        configure(&configuration)
        let peer = try MeshPeer(configuration, logger: Self.quiet)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await peer.run() }
            try await body(RunningPeer(peer: peer, key: key, events: EventLog(peer.events)))
            tasks.cancelAll()
        }
    }

    static var quiet: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}

struct RunningPeer: Sendable {
    let peer: MeshPeer
    let key: SigningKey
    let events: EventLog
}

/// The events of one peer, waited for one at a time.
actor EventLog {
    private var iterator: MeshEvents<PeerEvent>.AsyncIterator

    init(_ events: MeshEvents<PeerEvent>) {
        iterator = events.makeAsyncIterator()
    }

    /// The first event from here on that `matches`; nil if the peer ends before.
    func next(_ matches: @Sendable (PeerEvent) -> Bool) async -> PeerEvent? {
        var iterator = iterator
        defer { self.iterator = iterator }
        while let event = await iterator.next(isolation: self) {
            if matches(event) { return event }
        }
        return nil
    }

    func joined() async {
        _ = await next { if case .joined = $0 { true } else { false } }
    }

    /// Waits until the directory lists `name`.
    func sees(_ name: String) async {
        _ = await next { if case .memberJoined(let member) = $0 { member.name.description == name } else { false } }
    }

    func message() async -> ReceivedMessage? {
        guard case .message(let message) = await next({ if case .message = $0 { true } else { false } }) else {
            return nil
        }
        return message
    }
}
