public import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle

/// A peer of a mesh: joins, stays a member, sends and receives messages.
///
/// Run it in a `ServiceGroup`, or call `run()`; it says LEAVE and ends on graceful shutdown or cancellation. What
/// happens (joins, leaves, messages) comes from `events`.
public final class MeshPeer: Service {
    public struct Configuration: Sendable {
        public var key: SigningKey
        public var name: PeerName
        /// The server's public key, pinned; several while the server changes its own.
        public var serverKeys: [PublicKey]
        public var server: SocketAddress
        /// Where to bind. Nil: `port` of every address, IPv6 and IPv4 alike where the system has both.
        public var bind: SocketAddress?
        /// The port to bind where `bind` is nil; 0: a free one.
        public var port: UInt16 = 0
        /// The largest body to send, in bytes. More than 1,084 and IP may have to split the datagram on its way;
        /// 65,359 at most. Whatever arrives is taken.
        public var maximumMessageSize = PeerMessage.ordinaryBody

        public init(key: SigningKey, name: PeerName, serverKeys: [PublicKey], server: SocketAddress) {
            self.key = key
            self.name = name
            self.serverKeys = serverKeys
            self.server = server
        }
    }

    /// For one consumer.
    public let events = MeshEvents<PeerEvent>()
    private let configuration: Configuration
    private let logger: Logger
    private let lifecycle = Lifecycle<Peer>()

    /// - Throws: `MeshError.invalidConfiguration`.
    public init(_ configuration: Configuration, logger: Logger) throws(MeshError) {
        guard !configuration.serverKeys.isEmpty else { throw .invalidConfiguration("no server key is pinned") }
        guard configuration.serverKeys.allSatisfy({ $0 != configuration.key.publicKey }) else {
            throw .invalidConfiguration("the peer's key is the server's own")
        }
        guard configuration.server.isUsable else {
            throw .invalidConfiguration("a server cannot be at \(configuration.server)")
        }
        guard (0...PeerMessage.largestBody).contains(configuration.maximumMessageSize) else {
            throw .invalidConfiguration("a message holds at most \(PeerMessage.largestBody) bytes")
        }
        self.configuration = configuration
        self.logger = logger
    }

    /// Runs until graceful shutdown or cancellation.
    ///
    /// - Throws: `MeshError.notAuthorised` if the server refuses the key or revokes it; `.addressInUse`, `.cannotBind`,
    ///   `.alreadyRan`.
    public func run() async throws {
        try lifecycle.claim()
        let events = events
        let ending = NIOLockedValueBox<PeerEvent?>(nil)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let driver = MeshDriver<Peer>(eventLoop: eventLoop, logger: logger, events: events) { event in
            if case .message = event { return .message }
            guard event.isLast else { return .ordinary }
            ending.withLockedValue { $0 = event }
            return .last
        }
        defer { events.finish() }
        let bound = try await bind(driver)
        let configuration = configuration
        driver.start { now in
            Peer(configuration.peer, random: .system, now: now)
        }
        lifecycle.begin(driver, bound)
        await withTaskCancellationOrGracefulShutdownHandler {
            await driver.finished()
        } onCancelOrGracefulShutdown: {
            driver.eventLoop.execute { driver.perform { $0.leave(now: $1) } }
        }
        lifecycle.end()
        if case .ended = ending.withLockedValue({ $0 }) { throw MeshError.notAuthorised }
    }

    /// Where the peer is bound, once it is.
    ///
    /// - Throws: `MeshError.notRunning` if it cannot bind or has ended.
    public func boundAddress() async throws -> SocketAddress? {
        try await lifecycle.started().bound.first
    }

    /// The other members, as last told.
    public func members() async throws -> [Member] {
        try await lifecycle.started().driver.submit { peer, _ in peer.members }
    }

    /// To every other member; gives to how many it went. At most once, unordered, best effort.
    ///
    /// - Throws: `SendError`, or `MeshError.notRunning`.
    @discardableResult
    public func broadcast(_ body: [UInt8]) async throws -> Int {
        let limit = configuration.maximumMessageSize
        return try await lifecycle.started().driver.submit { peer, now in
            try peer.broadcast(body, limit: limit, now: now)
        }
    }

    /// To the member of that key alone; nobody else can read it or pass it on as theirs.
    ///
    /// - Throws: `SendError`, or `MeshError.notRunning`.
    public func send(_ body: [UInt8], to key: PublicKey) async throws {
        let limit = configuration.maximumMessageSize
        try await lifecycle.started().driver.submit { peer, now in
            try peer.send(body, to: key, limit: limit, now: now)
        }
    }

    /// To the member that holds that name now.
    ///
    /// - Throws: `SendError`, or `MeshError.notRunning`.
    public func send(_ body: [UInt8], to name: PeerName) async throws {
        let limit = configuration.maximumMessageSize
        try await lifecycle.started().driver.submit { peer, now in
            guard let key = peer.identity(named: name) else { throw SendError.unknownMember }
            try peer.send(body, to: key, limit: limit, now: now)
        }
    }

    /// What was refused so far, by reason.
    public func rejections() async throws -> RejectionCounters {
        try await lifecycle.started().driver.submit { peer, _ in peer.rejections }
    }

    /// Without an address to bind: the dual-stack wildcard, or IPv4's on a system without IPv6.
    private func bind(_ driver: MeshDriver<Peer>) async throws(MeshError) -> [SocketAddress] {
        do {
            if let address = configuration.bind { return try await driver.bind([address], profile: .peer) }
            do {
                return try await driver.bind([SocketAddress(ip: .v6(0, 0), port: configuration.port)], profile: .peer)
            } catch MeshError.cannotBind {
                return try await driver.bind([SocketAddress(ip: .v4(0), port: configuration.port)], profile: .peer)
            }
        } catch {
            driver.close()
            lifecycle.end()
            throw error
        }
    }
}

extension MeshPeer.Configuration {
    fileprivate var peer: Peer.Configuration {
        Peer.Configuration(key: key, name: name, servers: serverKeys, server: server)
    }
}
