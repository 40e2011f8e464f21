internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// What an event means to the driver.
enum EventPriority {
    case ordinary
    /// Members can cause as many of these as they like.
    case message
    /// The driver closes after it.
    case last
}

/// Turns sockets and the clock into calls of one machine, and the machine's outputs into datagrams and events.
///
/// Members' datagrams are handled as they come; strangers' wait in a bounded queue until members and timers have been
/// served. Everything happens on one event loop; `submit` brings other work there.
final class MeshDriver<Machine: MeshMachine>: @unchecked Sendable {
    let eventLoop: any EventLoop
    private let logger: Logger
    private let clock = ContinuousClock()
    private let origin: ContinuousClock.Instant
    private let events: MeshEvents<Machine.Event>
    private let priority: (Machine.Event) -> EventPriority
    private let closed: EventLoopPromise<Void>
    private var machine: Machine?
    private var sockets: [UDPSocket] = []
    private var strangers: [(bytes: [UInt8], path: Path)] = []
    private var droppedStrangers = LogThrottle()
    private var droppedEvents = LogThrottle()
    private var timer: (deadline: Instant, task: Scheduled<Void>)?
    private var strangerTask: Scheduled<Void>?
    private var refusals = RefusalLog()
    private var isClosed = false

    init(
        eventLoop: any EventLoop, logger: Logger, events: MeshEvents<Machine.Event>,
        priority: @escaping (Machine.Event) -> EventPriority
    ) {
        self.eventLoop = eventLoop
        self.logger = logger
        self.events = events
        self.priority = priority
        origin = clock.now
        closed = eventLoop.makePromise()
    }

    /// Binds the sockets; what they receive before `start` is lost.
    ///
    /// - Throws: `MeshError`; then nothing is left bound.
    func bind(_ addresses: [SocketAddress], profile: UDPSocket.Profile) async throws(MeshError) -> [SocketAddress] {
        guard (1...Int(UInt8.max)).contains(addresses.count) else {
            throw .invalidConfiguration("between 1 and 255 addresses to listen on")
        }
        var bound: [UDPSocket] = []
        for (index, address) in addresses.enumerated() {
            let socket = UDPSocket(
                index: UInt8(index), address: address, profile: profile, eventLoop: eventLoop, logger: logger,
                onDatagram: { [weak self] in self?.receive($0, $1) }, onBurst: { [weak self] in self?.runLoopPass() })
            let sharesPort = address.isIPv6 && addresses.contains { !$0.isIPv6 && $0.port == address.port }
            do {
                try await socket.bind(sharesPort: sharesPort)
            } catch {
                for socket in bound { eventLoop.execute { socket.close() } }
                throw MeshError(binding: address, error)
            }
            bound.append(socket)
        }
        let all = bound
        eventLoop.execute { self.sockets = all }
        return all.map(\.address)
    }

    /// The machine takes over what the sockets receive.
    func start(_ make: @escaping @Sendable (Instant) -> Machine) {
        eventLoop.execute {
            self.machine = make(self.now)
            self.runLoopPass()
        }
    }

    /// Ends when `close` has been called.
    func finished() async {
        try? await closed.futureResult.get()
    }

    /// Calls `body` with the machine on the event loop, then sends what it put out.
    ///
    /// - Throws: `MeshError.notRunning` once closed, else what `body` throws.
    func submit<Result: Sendable>(
        _ body: @escaping @Sendable (inout Machine, Instant) throws -> Result
    ) async throws -> Result {
        try await eventLoop.submit {
            guard !self.isClosed, self.machine != nil else { throw MeshError.notRunning }
            defer { self.runLoopPass() }
            return try self.withMachine { try body(&$0, self.now) }
        }.get()
    }

    /// As `submit`, for whoever is on the event loop already.
    func perform(_ body: (inout Machine, Instant) -> Void) {
        guard !isClosed else { return }
        try? withMachine { body(&$0, now) }
        runLoopPass()
    }

    /// Sends what is put out, closes the sockets, ends `finished`.
    func close() {
        eventLoop.execute {
            guard !self.isClosed else { return }
            self.pump()
            self.isClosed = true
            self.timer?.task.cancel()
            self.strangerTask?.cancel()
            for socket in self.sockets { socket.close() }
            self.closed.succeed()
        }
    }

    private var now: Instant {
        Instant(nanoseconds: (clock.now - origin).wholeNanoseconds)
    }

    private func withMachine<Result>(_ body: (inout Machine) throws -> Result) throws -> Result {
        guard var machine else { throw MeshError.notRunning }
        // Moved out and back, so that the machine's tables are never copied.
        self.machine = nil
        defer { self.machine = machine }
        return try body(&machine)
    }

    private func receive(_ datagram: Span<UInt8>, _ path: Path) {
        guard let isExpected = machine?.isExpected(datagram, path: path), !isClosed else { return }
        if isExpected {
            machine?.handle(datagram, path: path, now: now)
        } else if strangers.count < Limits.strangerQueue, datagram.count <= ProtocolConstants.maximumDatagram {
            strangers.append(([UInt8](copying: datagram), path))
        } else if strangers.count < Limits.strangerQueue {
            // Too large for any handshake: refused now, at no cost of memory.
            machine?.handle(datagram, path: path, now: now)
        } else if let count = droppedStrangers.happened() {
            logger.notice("dropped datagrams of strangers, queue full", metadata: ["count": "\(count)"])
        }
    }

    /// After a burst of reads, a timer or a call: what is due, then some strangers, then everything out.
    private func runLoopPass() {
        guard !isClosed, machine != nil else { return }
        serveTimeouts()
        serveStrangers()
        pump()
        report()
        schedule()
    }

    private func serveTimeouts() {
        let now = now
        // A machine moves each deadline that it has served; the bound is against one that does not.
        for _ in 0..<Self.timeoutsPerTurn {
            guard let deadline = machine?.nextDeadline, deadline <= now else { return }
            machine?.handleTimeout(now: now)
        }
    }

    private func serveStrangers() {
        guard !strangers.isEmpty else { return }
        let batch = strangers.prefix(Self.strangersPerTurn)
        strangers.removeFirst(batch.count)
        let now = now
        for stranger in batch { machine?.handle(stranger.bytes.span, path: stranger.path, now: now) }
        guard !strangers.isEmpty, strangerTask == nil else { return }
        strangerTask = eventLoop.scheduleTask(in: .milliseconds(1)) {
            self.strangerTask = nil
            self.runLoopPass()
        }
    }

    private func pump() {
        while let output = machine?.pollOutput() {
            switch output {
            case .transmit(let transmit):
                let socket = Int(transmit.path.socket)
                if socket < sockets.count { sockets[socket].send(transmit.bytes, to: transmit.path.remote) }
            case .event(let event):
                let weight = priority(event)
                if !events.yield(event, isMessage: weight == .message), let count = droppedEvents.happened() {
                    logger.warning("dropped events, nobody takes them", metadata: ["count": "\(count)"])
                }
                if weight == .last { close() }
            case .drain:
                let targets = sockets.map { $0.received + Self.queuedDatagrams }
                awaitDrain(targets)
            }
        }
        for socket in sockets { socket.flush() }
    }

    /// Lets the event loop read; done when every socket has been empty once, or has given as many datagrams as its
    /// buffer could have held when the drain was asked for (a flood must not keep the dead alive).
    private func awaitDrain(_ targets: [UInt64]) {
        _ = eventLoop.scheduleTask(in: .milliseconds(1)) {
            guard !self.isClosed else { return }
            let isDone = zip(self.sockets, targets).allSatisfy { $0.isDrained || $0.received >= $1 }
            guard isDone else { return self.awaitDrain(targets) }
            self.machine?.handleDrained(now: self.now)
            self.runLoopPass()
        }
    }

    private func report() {
        guard let machine else { return }
        for (rejection, count) in refusals.take(machine.rejections, now: now) {
            logger.log(
                level: rejection.isEveryday ? .debug : .notice, "refused datagrams",
                metadata: ["reason": "\(rejection.rawValue)", "count": "\(count)"])
        }
    }

    private func schedule() {
        let deadlines = [machine?.nextDeadline, refusals.deadline].compactMap { $0 }
        guard let next = deadlines.min() else { return }
        if let timer {
            guard next < timer.deadline else { return }
            timer.task.cancel()
        }
        let delay = max((next - now).wholeNanoseconds, 0)
        let task = eventLoop.scheduleTask(in: .nanoseconds(delay)) {
            self.timer = nil
            self.runLoopPass()
        }
        timer = (next, task)
    }
}

extension MeshDriver {
    private static var timeoutsPerTurn: Int { 16 }
    private static var strangersPerTurn: Int { 64 }
    /// More datagrams than the receive buffer can hold: the kernel counts at least 512 bytes for each, and doubles
    /// what was asked for.
    private static var queuedDatagrams: UInt64 { UInt64(Limits.receiveBuffer * 2 / 512) }
}
