public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle

/// A peer of a mesh. It joins the mesh, stays a member, and sends and receives messages.
///
/// ``run()`` does all the work. Run the peer as a service of a `ServiceGroup`, or call `run()` in a task of your own.
/// On graceful shutdown, on cancellation and after ``leave()``, `run()` leaves the mesh and returns.
///
/// The other calls wait until `run()` has bound its socket, so you may make them before you call `run()`. If the task
/// of a waiting call is canceled, or the service group of this task begins to shut down, the call throws
/// ``MeshError/cancelled``, or ``SendError/cancelled`` if it sends a message.
public final class MeshPeer: Service {
    /// The settings of a peer.
    public struct Configuration: Sendable {
        /// The peer's identity.
        public var key: SigningKey
        /// The name to join under. A server admits a key only under the name that the server's roster lists for the
        /// key.
        public var name: PeerName
        /// The server's address, or the name of its host. The address must not be a wildcard address.
        public var server: ServerAddress
        /// The public keys that this peer accepts as the server's. While the server changes its key, list both the old
        /// and the new key.
        public var serverKeys: [PublicKey]
        /// The local address. If the port is 0, the system chooses a free port. The default,
        /// ``SocketAddress/wildcard(port:)``, stands for every IPv6 and IPv4 address of the host. If the host has no
        /// IPv6 and the server may have an IPv4 address, the default stands for every IPv4 address.
        public var bind = SocketAddress.wildcard()
        /// True to keep trying to join after a server has refused or revoked this key, because the roster may list the
        /// key later. The pauses between the attempts grow from one second to five minutes. The event
        /// ``PeerEvent/excluded(_:by:retryAfter:)`` reports each refusal. If the value is false, the default, the peer
        /// ends with ``MeshError/notAuthorized`` once the servers of all pinned keys have refused or revoked the key.
        public var returnsAfterExclusion = false
        /// The largest body that this peer sends, in bytes, 0 to 65,358. The default is 1,083 bytes. IP may have to
        /// fragment a message with a body of more than 1,083 bytes. Received messages may have any size.
        public var maximumMessageSize = PeerMessage.ordinaryBody
        /// The largest rates at which this peer accepts messages, and at which it sends messages to one receiver.
        public var messageRate = MessageRate.standard
        /// The size of the buffer for one received datagram, in bytes. A larger datagram is lost.
        package var receiveBuffer = UDPSocket.Profile.peer.slotSize
        /// The service that looks up the name of the server's host.
        package var resolver: any HostResolver = SystemResolver.shared

        /// Makes settings from these values. All other settings have their defaults.
        public init(key: SigningKey, name: PeerName, server: ServerAddress, serverKeys: [PublicKey]) {
            self.key = key
            self.name = name
            self.server = server
            self.serverKeys = serverKeys
        }

        /// Makes settings for a server at one numeric address. All other settings have their defaults.
        public init(key: SigningKey, name: PeerName, server: SocketAddress, serverKeys: [PublicKey]) {
            self.init(key: key, name: name, server: ServerAddress(server), serverKeys: serverKeys)
        }
    }

    private let configuration: Configuration
    private let logger: Logger
    private let source = EventSource<PeerEvent> { .missed($0) }
    let lifecycle = Lifecycle<Peer>()

    /// Makes a peer. Nothing happens before ``run()``.
    ///
    /// - Throws: ``MeshError/invalidConfiguration(_:)``.
    public init(
        _ configuration: Configuration, logger: Logger = Logger(label: "SecureMesh.peer")
    ) throws(MeshError) {
        try configuration.check()
        self.configuration = configuration
        self.logger = logger
    }

    /// Makes a peer with the default settings. Nothing happens before ``run()``.
    ///
    /// - Parameters:
    ///   - key: The peer's identity.
    ///   - name: The name to join under.
    ///   - server: The server's address, or the name of its host.
    ///   - serverKey: The only public key that this peer accepts as the server's.
    ///   - logger: The logger for refused datagrams and for the socket.
    /// - Throws: ``MeshError/invalidConfiguration(_:)``.
    public convenience init(
        key: SigningKey, name: PeerName, server: ServerAddress, serverKey: PublicKey,
        logger: Logger = Logger(label: "SecureMesh.peer")
    ) throws(MeshError) {
        try self.init(
            Configuration(key: key, name: name, server: server, serverKeys: [serverKey]), logger: logger)
    }

    /// Makes a peer with the default settings, for a server at one numeric address. Nothing happens before ``run()``.
    ///
    /// - Parameters:
    ///   - key: The peer's identity.
    ///   - name: The name to join under.
    ///   - server: The server's address.
    ///   - serverKey: The only public key that this peer accepts as the server's.
    ///   - logger: The logger for refused datagrams and for the socket.
    /// - Throws: ``MeshError/invalidConfiguration(_:)``.
    public convenience init(
        key: SigningKey, name: PeerName, server: SocketAddress, serverKey: PublicKey,
        logger: Logger = Logger(label: "SecureMesh.peer")
    ) throws(MeshError) {
        try self.init(key: key, name: name, server: ServerAddress(server), serverKey: serverKey, logger: logger)
    }

    deinit {
        lifecycle.abandon()
        source.finish()
    }

    /// The events of this peer, for one consumer. Each access makes a new sequence; see ``MeshEvents``.
    public var events: MeshEvents<PeerEvent> { source.subscribe() }

    /// Returns the events of this peer, except the events that `handles` has handled. No task is woken for a handled
    /// event.
    ///
    /// - Parameter handles: Returns true if it has handled the event. It is called on the event loop, so it must not
    ///   block. It is called only while the consumer waits for the next event, so all events are handled in their
    ///   order.
    package func events(except handles: @escaping @Sendable (PeerEvent) -> Bool) -> MeshEvents<PeerEvent> {
        source.subscribe(except: handles)
    }

    /// The sets of the other members, for any number of consumers; see ``MeshMembership``.
    public var membership: MeshMembership { MeshMembership(lifecycle) }

    /// The address of the peer's socket, with its current port. Waits until `run()` has bound the socket. If the system
    /// chose the port, the port can change when the socket has to be bound again.
    ///
    /// - Throws: ``MeshError/notRunning`` if `run()` has ended, ``MeshError/cancelled``.
    public var boundAddress: SocketAddress {
        get async throws(MeshError) {
            // The driver was given one address, so it has one socket.
            try await lifecycle.started().driver.boundAddresses()[0]
        }
    }

    /// Joins the mesh, and stays a member until graceful shutdown, cancellation or ``leave()``.
    ///
    /// The peer keeps trying to join while the server does not answer or the server's name cannot be looked up. When
    /// the peer leaves, it sends LEAVE three times within 0.1 s, because datagrams can be lost. To a server at a
    /// loopback address, it sends LEAVE three times without pauses. After `run()` has ended, all asynchronous calls
    /// except ``leave()`` throw an error.
    ///
    /// - Throws: ``MeshError/notAuthorized`` if the server does not admit the key or revokes it;
    ///   ``MeshError/unknownHost(_:)`` if the name service says that the server's host does not exist, and no earlier
    ///   lookup has found the host; ``MeshError/addressInUse(_:)`` and ``MeshError/cannotBind(_:reason:)`` if the
    ///   socket cannot be bound, or has lost its port and cannot be bound again within 5 s; ``MeshError/alreadyRan`` if
    ///   `run()` was called before.
    public func run() async throws(MeshError) {
        try lifecycle.claim()
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let metrics = MeshMetrics<Peer>(
            role: "peer",
            figures: [
                .init(label: "members") { peer, _ in peer.memberCount },
                .init(label: "directory_version") { peer, _ in Int(clamping: peer.version) },
                .init(label: "may_speak") { peer, now in peer.maySpeak(now) ? 1 : 0 },
            ])
        let driver = MeshDriver<Peer>(
            eventLoop: eventLoop, logger: logger, metrics: metrics, events: source
        ) { event in
            switch event {
            case .message(let message): .message(size: message.body.count)
            case .left: .last(nil)
            case .ended: .last(.notAuthorized)
            default: .ordinary
            }
        }
        defer { source.finish() }
        let bound = try await bind(driver)
        let configuration = configuration
        driver.start { now in
            Peer(configuration.peer, random: .system, now: now)
        }
        lifecycle.begin(driver)
        let locating = locate(driver, from: bound[0])
        defer { locating?.cancel() }
        let failure = await withTaskCancellationOrGracefulShutdownHandler {
            await driver.finished()
        } onCancelOrGracefulShutdown: {
            self.leave(driver)
        }
        lifecycle.end(failure)
        if let failure { throw failure }
    }

    /// Leaves the mesh. ``run()`` then returns.
    ///
    /// The peer continues to send pending broadcasts for at most 1 s. `leave()` returns when the socket is closed, or
    /// at once if `run()` has ended. If `run()` has not bound the socket yet, `leave()` waits until it has. If the task
    /// is canceled during this wait, `leave()` returns and the peer does not leave.
    public func leave() async {
        guard let driver = try? await lifecycle.started().driver else { return }
        leave(driver)
        _ = await driver.finished()
    }

    /// Waits until this peer may send messages: its directory is trusted, and the server has published its session to
    /// the members. Returns at once if the peer may already send, also while the server is gone. The trust can end
    /// later, so a message may still be refused.
    ///
    /// - Throws: The error that ``run()`` has thrown, such as ``MeshError/notAuthorized``; ``MeshError/notRunning`` if
    ///   `run()` has returned without an error; ``MeshError/cancelled``.
    public func joined() async throws(MeshError) {
        do throws(MeshError) {
            _ = try await lifecycle.started().driver.value { peer, now in peer.maySend(now) ? true : nil }
        } catch {
            throw error == .notRunning ? lifecycle.failure ?? error : error
        }
    }

    /// The other members, as this peer's directory lists them. The list is empty until the first directory has arrived.
    /// While the connection is lost, the list does not change.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    public func members() async throws(MeshError) -> [Member] {
        try await ask { $0.members }
    }

    /// The number of other members; nil while this peer is not connected or may not send messages.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    package func otherMemberCount() async throws(MeshError) -> Int? {
        try await lifecycle.started().driver.submit { (peer, now) throws(Never) in
            peer.isConnected && peer.maySpeak(now) ? peer.memberCount - 1 : nil
        }.get()
    }

    /// Returns the other member with this name; nil if no other member has the name.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    public func member(named name: PeerName) async throws(MeshError) -> Member? {
        try await ask { $0.member(named: name) }
    }

    /// The number of datagrams that the peer's socket has lost since `run()` began, for each reason.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    public func losses() async throws(MeshError) -> DatagramLosses {
        try await lifecycle.started().driver.lostDatagrams()
    }

    /// The number of datagrams that this peer has refused since `run()` began, for each reason.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    public func rejections() async throws(MeshError) -> RejectionCounters {
        try await ask { $0.rejections }
    }

    /// The state of the peer's connection to its server.
    ///
    /// - Throws: ``MeshError/notRunning``, ``MeshError/cancelled``.
    package func condition() async throws(MeshError) -> PeerCondition {
        try await lifecycle.started().driver.submit { (peer, now) throws(Never) in peer.condition(now) }.get()
    }

    private func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (Peer) -> Answer
    ) async throws(MeshError) -> Answer {
        try await lifecycle.started().driver.submit { (peer, _) throws(Never) in question(peer) }.get()
    }

    /// Begins to look up the server's host name. Returns nil if the configuration gives the server's address instead of
    /// a name.
    private func locate(_ driver: MeshDriver<Peer>, from bound: SocketAddress) -> Task<Void, Never>? {
        guard case .name(let host, let port) = configuration.server.place else { return nil }
        let locator = ServerLocator(host: host, port: port, resolver: configuration.resolver, bound: bound)
        return Task { await locator.run(driver) }
    }

    private func leave(_ driver: MeshDriver<Peer>) {
        driver.eventLoop.execute {
            driver.perform { peer, now in
                let isOnLoopback = peer.serverAddress?.isLoopback == true
                peer.leave(now: now)
                guard isOnLoopback else { return }
                // Datagrams to the same host are not lost on the way, so LEAVE is repeated without pauses.
                while let deadline = peer.nextDeadline { peer.handleTimeout(now: deadline) }
            }
        }
    }

    private func bind(_ driver: MeshDriver<Peer>) async throws(MeshError) -> [SocketAddress] {
        let address = configuration.bind
        var options = UDPSocket.Options.peer
        options.profile.slotSize = configuration.receiveBuffer
        do throws(MeshError) {
            do throws(MeshError) {
                return try await driver.bind([address], options: options)
            } catch .cannotBind where address == .wildcard(port: address.port) && configuration.mayUseIPv4 {
                // The host has no IPv6.
                let address = SocketAddress(ip: .v4(0), port: address.port)
                return try await driver.bind([address], options: options)
            }
        } catch {
            driver.close(error)
            lifecycle.end(error)
            throw error
        }
    }
}

// MARK: messages

extension MeshPeer {
    /// Sends a message to all other members. Delivery is at most once, unordered and best effort.
    ///
    /// Expect `SendError.notJoined` and `SendError.overRate`, because the connection to the server can be lost at any
    /// time, and a program can send too fast. Try again later. The limits are those of
    /// ``send(_:to:)-(Collection<UInt8>,PublicKey)``. A broadcast counts as one message to each receiver. If a
    /// broadcast would exceed the rate to one receiver, it is sent to nobody.
    ///
    /// The first message to a member costs about 150 µs of CPU time, and each later message a few µs. So a broadcast to
    /// many members is sent in slices of 4 ms. In the pauses between the slices, the peer does its other work. This
    /// call returns after the first slice. Messages to one member are sent in the order of the calls.
    ///
    /// A member that leaves before its slice is sent does not get the message. If a broadcast is not complete after
    /// 10 s, the rest of it is dropped. ``leave()`` and the end of ``run()`` wait at most 1 s for incomplete
    /// broadcasts.
    ///
    /// At most 256 broadcasts with 16 MiB together may wait. A broadcast that exceeds these limits is refused with
    /// `SendError.queueFull`.
    ///
    /// - Parameter body: The bytes of the message, at most ``Configuration/maximumMessageSize``.
    /// - Returns: The number of members that the message has been sent to or is being sent to. A member is not counted
    ///   if this peer has found that the member's entry in the directory is false.
    /// - Throws: ``SendError``, except ``SendError/unknownMember`` and ``SendError/bindingInvalid``; then nothing has
    ///   been sent.
    @discardableResult
    public func broadcast(_ body: some Collection<UInt8>) async throws(SendError) -> Int {
        let limit = configuration.maximumMessageSize
        let body = Array(body)
        return try await speak { (peer, now) throws(SendError) in
            try peer.broadcast(body, limit: limit, now: now)
        }
    }

    /// Sends messages to all other members at a fixed rate, until `note` returns false, the peer ends or the task is
    /// canceled.
    ///
    /// The peer's event loop calls `body` directly, which saves thread switches: a task that calls
    /// ``broadcast(_:)-(Collection<UInt8>)`` wakes three threads per message.
    ///
    /// - Parameters:
    ///   - interval: The time between two messages, and before the first message.
    ///   - body: Returns the bytes of the next message. It is called on the event loop.
    ///   - note: Takes the number of members to which the message has been sent, or the reason why the message was not
    ///     sent. Returns true to continue. It is called on the event loop.
    package func broadcast(
        every interval: Duration, body: @escaping @Sendable () -> [UInt8],
        note: @escaping @Sendable (Result<Int, SendError>) -> Bool
    ) async {
        let limit = configuration.maximumMessageSize
        guard let driver = try? await lifecycle.started().driver else { return }
        await driver.call(every: interval) { peer, now in
            let result = Result { () throws(SendError) in try peer.broadcast(body(), limit: limit, now: now) }
            return note(result)
        }
    }

    /// Sends a text, in UTF-8, to all other members. See ``broadcast(_:)-(Collection<UInt8>)``.
    ///
    /// - Returns: The number of members that the text has been sent to or is being sent to.
    /// - Throws: The same errors as ``broadcast(_:)-(Collection<UInt8>)``; then nothing has been sent.
    @discardableResult
    public func broadcast(_ text: String) async throws(SendError) -> Int {
        try await broadcast(text.utf8)
    }

    /// Sends a message to the member with this key. Only this member can read the message, and no other member would
    /// accept a copy of it. Delivery is at most once, unordered and best effort.
    ///
    /// A program should expect and handle these errors:
    ///
    /// - `notJoined`: the connection to the server is lost, or the peer has not joined yet. Try again after
    ///   ``joined()``.
    /// - `unknownMember`: the receiver has left, perhaps after it sent the message that you answer.
    /// - `overRate(retryAfter:)`: the message would exceed the receiver's rate, and the receiver would drop it.
    ///
    /// The limits can be set in ``Configuration``. By default a body has at most 1,083 bytes
    /// (``Configuration/maximumMessageSize``). This peer sends at most 200 messages and 1 MiB per second to one
    /// receiver, and at most 300 messages and 1.5 MiB at once after a pause (``Configuration/messageRate``).
    ///
    /// - Parameters:
    ///   - body: The bytes of the message.
    ///   - key: The receiver's key.
    /// - Throws: ``SendError``, except ``SendError/queueFull``; then nothing has been sent.
    public func send(_ body: some Collection<UInt8>, to key: PublicKey) async throws(SendError) {
        let limit = configuration.maximumMessageSize
        let body = Array(body)
        try await speak { (peer, now) throws(SendError) in
            try peer.send(body, to: key, limit: limit, now: now)
        }
    }

    /// Sends a message to the member that holds this name at the time of sending. See
    /// ``send(_:to:)-(Collection<UInt8>,PublicKey)``.
    ///
    /// - Throws: The same errors as ``send(_:to:)-(Collection<UInt8>,PublicKey)``; then nothing has been sent.
    public func send(_ body: some Collection<UInt8>, to name: PeerName) async throws(SendError) {
        let limit = configuration.maximumMessageSize
        let body = Array(body)
        try await speak { (peer, now) throws(SendError) in
            guard let key = peer.identity(named: name) else { throw peer.lookupError(now) }
            try peer.send(body, to: key, limit: limit, now: now)
        }
    }

    /// Sends a message to the member with the key of `member`, even if that member's name and address have changed. See
    /// ``send(_:to:)-(Collection<UInt8>,PublicKey)``.
    ///
    /// - Throws: The same errors as ``send(_:to:)-(Collection<UInt8>,PublicKey)``; then nothing has been sent.
    public func send(_ body: some Collection<UInt8>, to member: Member) async throws(SendError) {
        try await send(body, to: member.publicKey)
    }

    /// Sends a text, in UTF-8, to the member with this key. See ``send(_:to:)-(Collection<UInt8>,PublicKey)``.
    ///
    /// - Throws: The same errors as ``send(_:to:)-(Collection<UInt8>,PublicKey)``; then nothing has been sent.
    public func send(_ text: String, to key: PublicKey) async throws(SendError) {
        try await send(text.utf8, to: key)
    }

    /// Sends a text, in UTF-8, to the member that holds this name at the time of sending. See
    /// ``send(_:to:)-(Collection<UInt8>,PublicKey)``.
    ///
    /// - Throws: The same errors as ``send(_:to:)-(Collection<UInt8>,PublicKey)``; then nothing has been sent.
    public func send(_ text: String, to name: PeerName) async throws(SendError) {
        try await send(text.utf8, to: name)
    }

    /// Sends a text, in UTF-8, to the member with the key of `member`. See
    /// ``send(_:to:)-(Collection<UInt8>,PublicKey)``.
    ///
    /// - Throws: The same errors as ``send(_:to:)-(Collection<UInt8>,PublicKey)``; then nothing has been sent.
    public func send(_ text: String, to member: Member) async throws(SendError) {
        try await send(text.utf8, to: member.publicKey)
    }

    /// Sends a message to the member with this key, and waits until the member's peer has acknowledged the message.
    ///
    /// An acknowledgment means that the receiver's peer has the message. It does not mean that the receiver's program
    /// has handled the message. If the program reads events too slowly, or not at all, its peer may drop the message
    /// (``PeerEvent/missed(_:)``).
    ///
    /// The message is repeated until the acknowledgment arrives: for the first 3 s every 0.25 s or a little more, then
    /// after intervals that double up to 2 s. While more than 16 messages wait for acknowledgment, the intervals double
    /// from the start. Each copy counts toward the receiver's rate.
    ///
    /// A running receiver delivers the message at most once. If the receiver restarts between two copies, it may
    /// deliver both. A repeated message may arrive after messages that were sent later.
    ///
    /// The message is refused with `SendError.queueFull`, and not sent, if more than 256 messages or 16 MiB of messages
    /// would wait for acknowledgment. It is also refused if this peer has sent 2,047 messages of any kind since it sent
    /// the oldest message that waits.
    ///
    /// - Parameters:
    ///   - body: The bytes of the message.
    ///   - key: The receiver's key.
    ///   - timeout: The time for which the message is repeated. A time of more than 60 s counts as 60 s.
    /// - Throws: ``DeliveryError/notSent(_:)`` with any ``SendError``, ``DeliveryError/notAcknowledged``,
    ///   ``DeliveryError/interrupted``.
    public func send(
        _ body: some Collection<UInt8>, to key: PublicKey, waitingForDelivery timeout: Duration
    ) async throws(DeliveryError) {
        let limit = configuration.maximumMessageSize
        let body = Array(body)
        let delivery = try await deliver { (peer, now) throws(SendError) in
            let receiver = peer.member(with: key)
            return (try peer.send(body, to: key, acknowledgedWithin: timeout, limit: limit, now: now), receiver)
        }
        guard delivery.acknowledged == 1 else { throw .notAcknowledged }
    }

    /// Sends a message to the member that holds this name at the time of sending, and waits until the member's peer has
    /// acknowledged the message. See ``send(_:to:waitingForDelivery:)-(Collection<UInt8>,PublicKey,Duration)``.
    ///
    /// - Throws: The same errors as
    ///   ``send(_:to:waitingForDelivery:)-(Collection<UInt8>,PublicKey,Duration)``.
    public func send(
        _ body: some Collection<UInt8>, to name: PeerName, waitingForDelivery timeout: Duration
    ) async throws(DeliveryError) {
        let limit = configuration.maximumMessageSize
        let body = Array(body)
        let delivery = try await deliver { (peer, now) throws(SendError) in
            guard let key = peer.identity(named: name) else { throw peer.lookupError(now) }
            let receiver = peer.member(with: key)
            return (try peer.send(body, to: key, acknowledgedWithin: timeout, limit: limit, now: now), receiver)
        }
        guard delivery.acknowledged == 1 else { throw .notAcknowledged }
    }

    /// Sends a message to the member with the key of `member`, and waits until that member's peer has acknowledged the
    /// message. See ``send(_:to:waitingForDelivery:)-(Collection<UInt8>,PublicKey,Duration)``.
    ///
    /// - Throws: The same errors as
    ///   ``send(_:to:waitingForDelivery:)-(Collection<UInt8>,PublicKey,Duration)``.
    public func send(
        _ body: some Collection<UInt8>, to member: Member, waitingForDelivery timeout: Duration
    ) async throws(DeliveryError) {
        try await send(body, to: member.publicKey, waitingForDelivery: timeout)
    }

    /// Sends a message to all other members, and waits until every member has acknowledged the message or `timeout` has
    /// passed. See ``broadcast(_:)-(Collection<UInt8>)`` and
    /// ``send(_:to:waitingForDelivery:)-(Collection<UInt8>,PublicKey,Duration)``.
    ///
    /// Each receiver delays its acknowledgment by a random time, up to 0.2 ms per member of the mesh and at most 2 s.
    ///
    /// - Parameters:
    ///   - body: The bytes of the message.
    ///   - timeout: The time for which the message is repeated. A time of more than 60 s counts as 60 s.
    /// - Returns: The members that have acknowledged the message, and the members that have not. A member that has not
    ///   acknowledged the message may have received it nevertheless.
    /// - Throws: ``DeliveryError/notSent(_:)`` with an error of ``broadcast(_:)-(Collection<UInt8>)``,
    ///   ``DeliveryError/interrupted``.
    public func broadcast(
        _ body: some Collection<UInt8>, waitingForDelivery timeout: Duration
    ) async throws(DeliveryError) -> Delivery {
        let limit = configuration.maximumMessageSize
        let body = Array(body)
        return try await deliver { (peer, now) throws(SendError) in
            let receivers = peer.members
            return (try peer.broadcast(body, acknowledgedWithin: timeout, limit: limit, now: now), receivers)
        }
    }

    /// Measures the round trip to the member that holds this name. The member's peer answers; the member's program is
    /// not involved.
    ///
    /// The request is repeated like a message of
    /// ``send(_:to:waitingForDelivery:)-(Collection<UInt8>,PublicKey,Duration)``. The time is measured from the first
    /// request. So each lost datagram adds about a quarter of a second.
    ///
    /// - Parameters:
    ///   - name: The name of the member.
    ///   - timeout: The longest time to wait. A time of more than 60 s counts as 60 s.
    /// - Returns: The time from the first request to the answer.
    /// - Throws: ``DeliveryError/notSent(_:)`` with any ``SendError`` except ``SendError/tooLarge(limit:)``,
    ///   ``DeliveryError/notAcknowledged``, ``DeliveryError/interrupted``.
    public func measureRoundTrip(to name: PeerName, within timeout: Duration) async throws(DeliveryError) -> Duration {
        let delivery = try await deliver { (peer, now) throws(SendError) in
            guard let key = peer.identity(named: name) else { throw peer.lookupError(now) }
            let receiver = peer.member(with: key)
            return (try peer.probe(key, within: timeout, now: now), receiver)
        }
        guard delivery.acknowledged == 1 else { throw .notAcknowledged }
        return delivery.time
    }

    /// Sends a message and waits for its acknowledgments.
    ///
    /// - Parameter send: Sends the message. Returns the number and the receivers of the message.
    private func deliver(
        _ send: @escaping @Sendable (inout Peer, Instant) throws(SendError) -> (number: UInt64, receivers: [Member])
    ) async throws(DeliveryError) -> Delivery {
        let sent: (number: UInt64, receivers: [Member])
        do throws(SendError) {
            sent = try await speak(send)
        } catch {
            throw .notSent(error)
        }
        let number = sent.number
        do throws(MeshError) {
            let driver = try await lifecycle.started().driver
            do throws(MeshError) {
                let result = try await driver.value { peer, _ in peer.delivery(of: number) }
                driver.eventLoop.execute { driver.perform { peer, _ in peer.forgetDelivery(of: number) } }
                return Delivery(result, to: sent.receivers)
            } catch {
                driver.eventLoop.execute { driver.perform { peer, _ in peer.cancelDelivery(of: number) } }
                throw error
            }
        } catch {
            throw .interrupted
        }
    }

    private func speak<Answer: Sendable>(
        _ body: @escaping @Sendable (inout Peer, Instant) throws(SendError) -> Answer
    ) async throws(SendError) -> Answer {
        let result: Result<Answer, SendError>
        do throws(MeshError) {
            result = try await lifecycle.started().driver.submit(body)
        } catch {
            throw error == .cancelled ? .cancelled : .notRunning
        }
        return try result.get()
    }
}

extension MeshPeer.Configuration {
    fileprivate func check() throws(MeshError) {
        guard !serverKeys.isEmpty else { throw .invalidConfiguration("no server key is pinned") }
        guard serverKeys.allSatisfy({ $0 != key.publicKey }) else {
            throw .invalidConfiguration("the peer's key is the server's own")
        }
        if let fault = Self.fault(bind: bind, server: server) { throw .invalidConfiguration(fault.reason) }
        guard (0...PeerMessage.largestBody).contains(maximumMessageSize) else {
            throw .invalidConfiguration("a message holds at most \(PeerMessage.largestBody) bytes")
        }
        if let fault = messageRate.fault { throw .invalidConfiguration(fault) }
    }

    /// True if the server may have an IPv4 address.
    fileprivate var mayUseIPv4: Bool {
        server.addresses.isEmpty || server.addresses.contains { !$0.isIPv6 }
    }

    fileprivate var peer: Peer.Configuration {
        var peer = Peer.Configuration(key: key, name: name, servers: serverKeys, addresses: server.addresses)
        peer.returnsAfterExclusion = returnsAfterExclusion
        peer.messageLimits = messageRate.limits
        peer.entries = Self.entries
        return peer
    }

    /// The directory entries that all peers of this process share.
    private static let entries = EntryPool()
}
