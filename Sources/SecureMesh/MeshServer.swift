public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle

/// The server of a mesh: keeps the directory, admits peers by their keys, tells every change to all.
///
/// Run it in a `ServiceGroup`, or call `run()`; it ends, with a GOODBYE to all, on graceful shutdown or cancellation.
public final class MeshServer: Service {
    public struct Configuration: Sendable {
        /// The server's identity: what peers pin.
        public var key: SigningKey
        public var roster: Roster
        /// One socket each; port 0 takes a free one.
        public var listen: [SocketAddress]
        /// How often peers and server prove that they live: 20 ms to 20 s. Told to peers when they join.
        public var heartbeatInterval: Duration = ProtocolConstants.heartbeatInterval
        /// How long a peer counts as alive after its last proof: at least two heartbeats, at most 65 s.
        public var lifetime: Duration = ProtocolConstants.lifetime
        /// At most 65,536.
        public var maximumPeers = Limits.maximumPeers

        public init(key: SigningKey, roster: Roster, listen: [SocketAddress]) {
            self.key = key
            self.roster = roster
            self.listen = listen
        }
    }

    /// For one consumer.
    public let events = MeshEvents<ServerEvent>()
    private let configuration: Configuration
    private let logger: Logger
    private let lifecycle = Lifecycle<Registry>()

    /// - Throws: `MeshError.invalidConfiguration`.
    public init(_ configuration: Configuration, logger: Logger) throws(MeshError) {
        try configuration.check()
        self.configuration = configuration
        self.logger = logger
    }

    /// Serves until graceful shutdown or cancellation.
    ///
    /// - Throws: `MeshError.addressInUse`, `.cannotBind`, `.alreadyRan`.
    public func run() async throws {
        try lifecycle.claim()
        let events = events
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let driver = MeshDriver<Registry>(eventLoop: eventLoop, logger: logger, events: events) { _ in .ordinary }
        defer { events.finish() }
        let bound: [SocketAddress]
        do {
            bound = try await driver.bind(configuration.listen, profile: .server)
        } catch {
            driver.close()
            lifecycle.end()
            throw error
        }
        let configuration = configuration
        driver.start { now in
            Registry(configuration.registry(bound: bound), random: .system, now: now)
        }
        lifecycle.begin(driver, bound)
        await withTaskCancellationOrGracefulShutdownHandler {
            await driver.finished()
        } onCancelOrGracefulShutdown: {
            driver.eventLoop.execute {
                driver.perform { $0.stop(now: $1) }
                driver.close()
            }
        }
        lifecycle.end()
    }

    /// Where the server listens, once it does.
    ///
    /// - Throws: `MeshError.notRunning` if it cannot bind or has ended.
    public func boundAddresses() async throws -> [SocketAddress] {
        try await lifecycle.started().bound
    }

    /// The peers that are members now.
    public func members() async throws -> [Member] {
        try await lifecycle.started().driver.submit { registry, _ in registry.members }
    }

    /// From now on only `roster` may join; members that it does not allow are told so and leave every directory.
    public func setRoster(_ roster: Roster) async throws {
        try await lifecycle.started().driver.submit { registry, now in registry.setRoster(roster, now: now) }
    }

    /// What was refused so far, by reason.
    public func rejections() async throws -> RejectionCounters {
        try await lifecycle.started().driver.submit { registry, _ in registry.rejections }
    }
}

extension MeshServer.Configuration {
    fileprivate func check() throws(MeshError) {
        guard !listen.isEmpty else { throw .invalidConfiguration("no address to listen on") }
        guard (Limits.shortestHeartbeat ... .seconds(20)).contains(heartbeatInterval) else {
            throw .invalidConfiguration("the heartbeat interval is 20 ms to 20 s")
        }
        guard lifetime >= heartbeatInterval * 2, lifetime <= .seconds(65) else {
            throw .invalidConfiguration("the lifetime is at least two heartbeat intervals and at most 65 s")
        }
        guard (1...Limits.directoryEntries).contains(maximumPeers) else {
            throw .invalidConfiguration("the number of peers is 1 to \(Limits.directoryEntries)")
        }
    }

    fileprivate func registry(bound: [SocketAddress]) -> Registry.Configuration {
        var registry = Registry.Configuration(key: key, bound: bound, roster: roster)
        registry.heartbeatInterval = heartbeatInterval
        registry.lifetime = lifetime
        registry.maximumPeers = maximumPeers
        return registry
    }
}
