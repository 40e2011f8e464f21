public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle

/// The server of a mesh. It admits peers by their keys, keeps the directory, and sends every change of the directory to
/// all members.
///
/// ``run()`` does all the work. Run the server as a service of a `ServiceGroup`, or call `run()` in a task of your own.
/// On graceful shutdown and on cancellation, `run()` sends GOODBYE to all members, which takes at most 0.8 s, and
/// returns. A server with ``Configuration/directoryFile`` sends no GOODBYE, because its members stay, unless it could
/// not write to the file.
///
/// The other calls wait until `run()` has bound its sockets, so you may make them before you call `run()`. A waiting
/// call throws ``MeshError/cancelled`` if its task is canceled, or if the service group of this task begins to shut
/// down.
public final class MeshServer: Service {
    /// The settings of a server.
    public struct Configuration: Sendable {
        /// The server's identity. Peers pin the public key that belongs to it.
        public var key: SigningKey
        /// The keys that may join, and their names.
        public var roster: Roster
        /// The local addresses, at least 1 and at most 255. The server binds a socket to each address. If a port is 0,
        /// the system chooses a free port.
        public var listen: [SocketAddress]
        /// The interval at which each peer and the server prove to each other that they are alive, 20 ms to 20 s. A
        /// peer learns the interval when it joins. The default is 500 ms.
        public var heartbeatInterval: Duration = ProtocolConstants.heartbeatInterval
        /// The time after which a peer expires if the server gets no new proof that the peer is alive. It is at least
        /// two heartbeat intervals and at most 65 s. The default is 1.5 s.
        public var lifetime: Duration = ProtocolConstants.lifetime
        /// The largest number of members, 1 to 65,536. The default is 10,000.
        public var maximumPeers = Limits.maximumPeers
        /// The number of event loops that share the members, 1 to 64. The default is 1. Each event loop needs a core.
        /// If the process has fewer event loops, the server uses all of them. If the system cannot distribute members'
        /// datagrams among event loops, the server uses only one event loop.
        public var eventLoops = 1
        /// The path of a file in which the server keeps the directory across a restart; nil to keep nothing. After a
        /// restart, members then keep their sessions, and nobody has to join again. The server creates the file, locks
        /// it, and writes to it at each change of the directory. If it cannot write, it logs an error, empties the
        /// file, and goes on without it. The file contains public keys, names and addresses, and no secret.
        public var directoryFile: String?
        /// Returns the current calendar time, which decides when keys in the roster expire.
        package var calendar: @Sendable () -> UnixTime = { .now }
        /// True to let the kernel separate members' datagrams from strangers', if the kernel can do so.
        package var usesKernelFilter = true

        /// Makes settings from these values. All other settings have their defaults.
        public init(key: SigningKey, roster: Roster, listen: [SocketAddress]) {
            self.key = key
            self.roster = roster
            self.listen = listen
        }
    }

    private let configuration: Configuration
    private let logger: Logger
    private let source: EventSource<ServerEvent>
    let lifecycle = Lifecycle<Registry>()

    /// Makes a server. Nothing happens before ``run()``.
    ///
    /// - Throws: ``MeshError/invalidConfiguration(_:)``.
    public init(
        _ configuration: Configuration, logger: Logger = Logger(label: "SecureMesh.server")
    ) throws(MeshError) {
        try configuration.check()
        self.configuration = configuration
        self.logger = logger
        // In one pass of the event loop, all members may join or leave. The buffer has room for both, so a consumer
        // that keeps up misses nothing. A directory file may hold more members than may join.
        let members = configuration.directoryFile == nil ? configuration.maximumPeers : Limits.directoryEntries
        source = EventSource(limit: max(Limits.events, members * 2)) { .missed($0) }
    }

    /// Makes a server with the default settings. Nothing happens before ``run()``.
    ///
    /// - Parameters:
    ///   - key: The server's identity.
    ///   - roster: The keys that may join.
    ///   - listen: The local addresses.
    ///   - logger: The logger for refused datagrams and for the sockets.
    /// - Throws: ``MeshError/invalidConfiguration(_:)``.
    public convenience init(
        key: SigningKey, roster: Roster, listen: SocketAddress...,
        logger: Logger = Logger(label: "SecureMesh.server")
    ) throws(MeshError) {
        try self.init(Configuration(key: key, roster: roster, listen: listen), logger: logger)
    }

    /// Checks that a server with this key could use the directory file. Does not create or change the file.
    ///
    /// - Returns: The number of members in the file; nil if there is no file yet.
    /// - Throws: ``MeshError/cannotKeepDirectory(path:reason:)``.
    package static func checkDirectoryFile(_ path: String, key: PublicKey) throws(MeshError) -> Int? {
        try DirectoryFile.check(path, mesh: key)
    }

    deinit {
        lifecycle.abandon()
        source.finish()
    }

    /// The events of this server, for one consumer. Each access makes a new sequence; see ``MeshEvents``.
    public var events: MeshEvents<ServerEvent> { source.subscribe() }

    /// The addresses of the server's sockets, with their current ports, in the order of ``Configuration/listen``. Waits
    /// until `run()` has bound the sockets.
    ///
    /// - Throws: ``MeshError/notRunning`` if `run()` has ended, ``MeshError/cancelled``.
    public var boundAddresses: [SocketAddress] {
        get async throws(MeshError) { try await lifecycle.started().driver.boundAddresses() }
    }

    /// Serves until graceful shutdown or cancellation. After `run()` has ended, the other asynchronous calls throw
    /// ``MeshError/notRunning``.
    ///
    /// - Throws: ``MeshError/cannotKeepDirectory(path:reason:)`` if the directory file cannot be used.
    ///   ``MeshError/addressInUse(_:)`` and ``MeshError/cannotBind(_:reason:)`` if a socket cannot be bound at
    ///   the start, or loses its address later and cannot be bound again within 5 s. In both cases, all sockets of the
    ///   server are closed. ``MeshError/alreadyRan`` if `run()` was called before.
    public func run() async throws(MeshError) {
        try lifecycle.claim()
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let laneLoops = laneLoops(besides: eventLoop)
        let metrics = MeshMetrics<Registry>(
            role: "server",
            figures: [
                .init(label: "members") { registry, _ in registry.memberCount },
                .init(label: "directory_version") { registry, _ in Int(clamping: registry.version) },
            ])
        let (logger, path) = (logger, configuration.directoryFile)
        let file: DirectoryFile?
        do throws(MeshError) {
            file = if let path { try DirectoryFile(path, mesh: configuration.key.publicKey) } else { nil }
        } catch {
            source.finish()
            lifecycle.end(error)
            throw error
        }
        let driver = MeshDriver<Registry>(
            eventLoop: eventLoop, laneLoops: laneLoops, logger: logger, metrics: metrics, events: source,
            keep: { change, driver in
                guard let file, let reason = file.store(change) else { return }
                driver.eventLoop.execute { driver.perform { registry, _ in registry.stopKeeping() } }
                logger.error(
                    "directory file lost",
                    metadata: ["path": .string(file.path), "reason": .string(reason)])
            }, priority: { _ in .ordinary })
        defer { source.finish() }
        let bound: [SocketAddress]
        do throws(MeshError) {
            var options = UDPSocket.Options.server
            options.usesKernelFilter = configuration.usesKernelFilter
            bound = try await driver.bind(configuration.listen, options: options)
        } catch {
            driver.close(error)
            lifecycle.end(error)
            throw error
        }
        let (configuration, kept) = (configuration, file?.kept)
        file?.kept = nil
        let division = LaneDivision(loops: UInt8(clamping: 1 + laneLoops.count))
        driver.start(
            { now in
                var registry = configuration.registry(bound: bound)
                registry.division = division
                registry.kept = kept
                return Registry(registry, random: .system, now: now)
            }, epoch: \.epoch, lane: { $0.makeLane() })
        lifecycle.begin(driver)
        let following = followHostAddresses(driver, bound)
        defer { following?.cancel() }
        // Keys expire by calendar time. The system clock can be set at any time, so the server reads it every second.
        let dating = eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .seconds(1)) { _ in
            let date = configuration.calendar()
            driver.perform { $0.advanceCalendar(to: date, now: $1) }
        }
        defer { dating.cancel() }
        let failure = await withTaskCancellationOrGracefulShutdownHandler {
            await driver.finished()
        } onCancelOrGracefulShutdown: {
            driver.eventLoop.execute { driver.perform { $0.stop(now: $1) } }
            driver.close(within: Limits.stopTime) { $0.hasStopped }
        }
        lifecycle.end(failure)
        if let failure { throw failure }
    }

    /// The current members of the mesh.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    public func members() async throws(MeshError) -> [Member] {
        try await ask { $0.members }
    }

    /// The current number of members of the mesh.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    package func memberCount() async throws(MeshError) -> Int {
        try await ask { $0.memberCount }
    }

    /// Returns the member with this name; nil if no member has the name.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    public func member(named name: PeerName) async throws(MeshError) -> Member? {
        try await ask { $0.member(named: name) }
    }

    /// Replaces the roster. A member that the new roster does not allow gets GOODBYE, and is removed from every
    /// directory.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``; then the old roster stays in force.
    public func setRoster(_ roster: Roster) async throws(MeshError) {
        try await lifecycle.started().driver.submit { (registry, now) throws(Never) in
            registry.setRoster(roster, now: now)
        }.get()
    }

    /// The number of datagrams that the server's sockets have lost since `run()` began, for each reason.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    public func losses() async throws(MeshError) -> DatagramLosses {
        try await lifecycle.started().driver.lostDatagrams()
    }

    /// The number of datagrams that the server has refused since `run()` began, for each reason.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    public func rejections() async throws(MeshError) -> RejectionCounters {
        try await ask { $0.rejections }
    }

    /// Returns the server's view of the member with each of these keys; nil for a key that no member has. The
    /// computation blocks the event loop, so pass few keys.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    package func standings(of keys: [PublicKey]) async throws(MeshError) -> [MemberStanding?] {
        try await lifecycle.started().driver.submit { (registry, now) throws(Never) in
            registry.standings(of: keys, now: now)
        }.get()
    }

    /// The number of late members: members that have given no proof of life for at least two thirds of the lifetime,
    /// and kept members that have not confirmed their new keys yet.
    ///
    /// The server usually counts the former twice per second, and the value has the newest count. It does not count
    /// them while it suspends expiry, for example after this process was paused.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    package var lateCount: Int {
        get async throws(MeshError) { try await ask { $0.lateCount } }
    }

    /// The largest number of members that were late at the same time during the present suspicion, which
    /// ``ServerEvent/suspected(_:)`` has reported; nil if there is no such suspicion. The server suspects that the
    /// members are late for the same reason.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    package var suspectedCount: Int? {
        get async throws(MeshError) { try await ask { $0.suspectedCount } }
    }

    /// Returns the event loops for the lanes (`ServerLane`); empty if the server uses only one event loop. Logs a
    /// notice if there are fewer event loops than the configuration requests.
    private func laneLoops(besides eventLoop: any EventLoop) -> [any EventLoop] {
        guard configuration.eventLoops > 1 else { return [] }
        guard configuration.usesKernelFilter, SocketDescriptor.offersDivision else {
            logger.notice("one event loop: the system cannot divide the datagrams of members")
            return []
        }
        let others = MultiThreadedEventLoopGroup.singleton.makeIterator().filter { $0 !== eventLoop }
        if others.count + 1 < configuration.eventLoops {
            logger.notice(
                "event loops limited: the process has fewer than configured",
                metadata: ["eventLoops": .stringConvertible(others.count + 1)])
        }
        return Array(others.prefix(configuration.eventLoops - 1))
    }

    /// Starts a task that passes the host's addresses to the registry at intervals, because they can change. If no
    /// socket is bound to a wildcard address, starts no task and returns nil.
    private func followHostAddresses(_ driver: MeshDriver<Registry>, _ bound: [SocketAddress]) -> Task<Void, Never>? {
        guard bound.contains(where: \.isUnspecified) else { return nil }
        return Task {
            while (try? await Task.sleep(for: Limits.hostAddressInterval)) != nil {
                let addresses = SocketAddress.ofHost
                driver.eventLoop.execute { driver.perform { registry, _ in registry.setHostAddresses(addresses) } }
            }
        }
    }

    private func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (Registry) -> Answer
    ) async throws(MeshError) -> Answer {
        try await lifecycle.started().driver.submit { (registry, _) throws(Never) in question(registry) }.get()
    }
}

extension MeshServer.Configuration {
    fileprivate func check() throws(MeshError) {
        let faults = Self.faults(
            listen: listen, heartbeatInterval: heartbeatInterval, lifetime: lifetime, maximumPeers: maximumPeers,
            eventLoops: eventLoops)
        if let fault = faults.first { throw .invalidConfiguration(fault.reason) }
    }

    fileprivate func registry(bound: [SocketAddress]) -> Registry.Configuration {
        var registry = Registry.Configuration(key: key, bound: bound, roster: roster)
        registry.date = calendar()
        registry.hostAddresses = SocketAddress.ofHost
        registry.heartbeatInterval = heartbeatInterval
        registry.lifetime = lifetime
        registry.maximumPeers = maximumPeers
        return registry
    }
}
