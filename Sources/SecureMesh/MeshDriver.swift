internal import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// The kind of an event, which decides how the driver handles it.
enum EventPriority {
    case ordinary
    /// A message whose body has `size` bytes. Messages may fill only a part of the buffer for events, because members
    /// can send any number of messages.
    case message(size: Int)
    /// The last event. The driver closes after it. The associated value is the error that `run()` then throws; nil if
    /// `run()` returns without an error.
    case last(MeshError?)
}

/// Runs one state machine. The driver passes the datagrams of its sockets and the time to the machine, and turns the
/// machine's outputs into datagrams and events.
///
/// The datagrams of members are handled when they arrive. The datagrams of strangers, which are senders without a
/// session, wait in the kernel or in a bounded queue. They are handled after members' datagrams and timers.
///
/// All of this happens on one event loop. `submit` and `value` also call the caller's closure on this event loop.
///
/// A server may have lanes (`ServerLane`). Each lane has its own event loop, on which it verifies datagrams of members
/// and sends datagrams.
final class MeshDriver<Machine: MeshMachine>: @unchecked Sendable where Machine.Event: MeasuredEvent {
    let eventLoop: any EventLoop
    private let logger: Logger
    private let clock = ContinuousClock()
    private let origin: ContinuousClock.Instant
    private let events: EventSource<Machine.Event>
    /// Stores a change of the directory.
    private let keep: (KeptChange, MeshDriver) -> Void
    private let priority: (Machine.Event) -> EventPriority
    private let metrics: MeshMetrics<Machine>
    private let closed: EventLoopPromise<MeshError?>
    /// The machine; nil before `start`.
    private var box: MachineBox<Machine>?
    private(set) var sockets: [UDPSocket] = []
    private(set) var lanes: [ServerLane] = []
    /// The numbers of datagrams that each lane had lost at the time of the last report.
    private var laneLosses: [DatagramLosses] = []
    /// The address and the error of the last datagram that the system refused to send for a lane.
    private var lastLaneRefusal: (address: SocketAddress, error: SystemError)?
    /// The orders for each lane that the current pass of the event loop has collected.
    private var orders: [ServerLane.Orders] = []
    /// An empty array whose memory `pump` uses again.
    private var outputs: [Output<Machine.Event>] = []
    private var strangers: [(bytes: [UInt8], path: Path)] = []
    private var droppedStrangers: UInt64 = 0
    private var droppedEvents = LogThrottle()
    /// The instant at which `timer` fires; nil if there is no timer.
    private var timerDeadline: Instant?
    private var timer: Scheduled<Void>?
    private var strangerTask: Scheduled<Void>?
    private let refusals = RefusalLog()
    private var losses = CounterLog<DatagramLoss>()
    private var receivedCount: UInt64 = 0
    private var sentCount: UInt64 = 0
    private var nextLossReport = Instant(nanoseconds: 0)
    private var conditions: [MachineCondition<Machine>] = []
    private var isClosed = false
    /// The error with which the driver has closed.
    private var closingFailure: MeshError?

    /// Makes a driver without sockets.
    ///
    /// - Parameter laneLoops: The event loops of the lanes.
    init(
        eventLoop: any EventLoop, laneLoops: [any EventLoop] = [], logger: Logger, metrics: MeshMetrics<Machine>,
        events: EventSource<Machine.Event>, keep: @escaping (KeptChange, MeshDriver) -> Void = { _, _ in },
        priority: @escaping (Machine.Event) -> EventPriority
    ) {
        self.eventLoop = eventLoop
        self.logger = logger
        self.metrics = metrics
        self.events = events
        self.keep = keep
        self.priority = priority
        origin = clock.now
        closed = eventLoop.makePromise()
        laneLosses = laneLoops.map { _ in DatagramLosses() }
        orders = laneLoops.map { _ in ServerLane.Orders() }
        lanes = laneLoops.enumerated().map { index, loop in
            ServerLane(
                eventLoop: loop,
                now: { [clock, origin] in Instant(nanoseconds: (clock.now - origin).wholeNanoseconds) },
                deliver: { [weak self] result in
                    guard let self else { return }
                    eventLoop.execute { self.take(result, from: index) }
                })
        }
    }

    /// Binds the sockets. Datagrams that they receive before `start` are lost.
    ///
    /// - Parameter addresses: The local addresses. `Configuration` has checked that their number is from 1 to 255.
    /// - Returns: The bound addresses, with the ports that the system has chosen.
    /// - Throws: `MeshError`. Then no socket stays bound.
    func bind(
        _ addresses: [SocketAddress], options: UDPSocket.Options
    ) async throws(MeshError) -> [SocketAddress] {
        var bound: [UDPSocket] = []
        var followers: [[UDPSocket]] = []
        for (index, address) in addresses.enumerated() {
            followers.append(
                lanes.map { $0.makeSocket(index: UInt8(index), address: address, options: options, logger: logger) })
            let socket = UDPSocket(
                index: UInt8(index), address: address, options: options, followers: followers[index],
                eventLoop: eventLoop, logger: logger,
                callbacks: .init(
                    onDatagram: { [weak self] in self?.receive($0, $1) },
                    onBurst: { [weak self] in self?.runLoopPass() },
                    onRefusal: { [weak self] in self?.noteRefusal($0, $1) },
                    onFailure: { [weak self] in self?.close($0) }))
            let isIPv6Only = address.isIPv6 && addresses.contains { !$0.isIPv6 && $0.port == address.port }
            do {
                try await socket.bind(isIPv6Only: isIPv6Only)
            } catch {
                for socket in bound + followers.flatMap({ $0 }) { socket.eventLoop.execute { socket.close() } }
                throw MeshError(binding: address, error)
            }
            bound.append(socket)
        }
        let (all, laneSockets) = (bound, followers)
        eventLoop.execute { self.sockets = all }
        for (index, lane) in lanes.enumerated() {
            lane.eventLoop.execute { lane.sockets = laneSockets.map { $0[index] } }
        }
        return all.map(\.address)
    }

    /// Makes the machine, which from then on handles the datagrams that the sockets receive.
    ///
    /// - Parameter epoch: Returns the epoch of a server; nil if the kernel should not separate members' datagrams from
    ///   strangers'. The kernel recognizes members' datagrams by the epoch.
    /// - Parameter makeLane: Makes the machine of a lane; returns nil if the machine has no lanes.
    func start(
        _ make: @escaping @Sendable (Instant) -> Machine,
        epoch: @escaping @Sendable (Machine) -> UInt64? = { _ in nil },
        lane makeLane: @escaping @Sendable (Machine) -> MemberLane? = { _ in nil }
    ) {
        eventLoop.execute {
            let machine = make(self.now)
            self.box = MachineBox(machine)
            for lane in self.lanes {
                guard let machine = makeLane(machine) else { continue }
                lane.eventLoop.execute { lane.start(machine) }
            }
            if let epoch = epoch(machine) {
                for socket in self.sockets { socket.separateMembers(epoch: epoch) }
            }
            self.runLoopPass()
        }
    }

    /// Waits until the driver has closed.
    ///
    /// - Returns: The error that `run()` then throws; nil if `run()` returns without an error.
    func finished() async -> MeshError? {
        (try? await closed.futureResult.get()) ?? nil
    }

    /// Calls `body` with the machine on the event loop, then sends the machine's outputs.
    ///
    /// - Returns: The result of `body`.
    /// - Throws: `MeshError.notRunning` if the driver has closed; then `body` is not called.
    func submit<Success: Sendable, Failure: Error>(
        _ body: @escaping @Sendable (inout Machine, Instant) throws(Failure) -> Success
    ) async throws(MeshError) -> Result<Success, Failure> {
        let result: Result<Result<Success, Failure>, MeshError> = await withCheckedContinuation { continuation in
            eventLoop.execute {
                continuation.resume(returning: self.call(body).map { .success($0) } ?? .failure(.notRunning))
            }
        }
        return try result.get()
    }

    /// Calls `body` like `submit`, but at once, for a caller that is already on the event loop. Does nothing if the
    /// driver has closed.
    func perform(_ body: (inout Machine, Instant) -> Void) {
        _ = call { (machine, now) throws(Never) in body(&machine, now) }
    }

    /// Calls `body` once per interval. The first call is one interval after this method was called; see `CallRhythm`.
    ///
    /// Returns when `body` has returned false, the driver has closed, or the task is canceled.
    ///
    /// - Parameter body: Returns true to be called again.
    func call(every interval: Duration, _ body: @escaping @Sendable (inout Machine, Instant) -> Bool) async {
        let repetition = Repetition(body)
        eventLoop.execute { self.schedule(repetition, CallRhythm(every: interval, from: self.now)) }
        await repetition.end.value(ifCancelled: ())
        eventLoop.execute { repetition.hasEnded = true }
    }

    private func schedule(_ repetition: Repetition<Machine>, _ rhythm: CallRhythm) {
        let delay = max((rhythm.due - now).wholeNanoseconds, 0)
        eventLoop.scheduleTask(in: .nanoseconds(delay)) {
            guard !repetition.hasEnded else { return }
            let result = self.call { (machine, now) throws(Never) in repetition.body(&machine, now) }
            guard case .success(true) = result else { return repetition.end.give(()) }
            var rhythm = rhythm
            rhythm.advance(now: self.now)
            self.schedule(repetition, rhythm)
        }
    }

    /// The addresses of the sockets, with their current ports.
    ///
    /// - Throws: `MeshError.notRunning` if the driver has closed.
    func boundAddresses() async throws(MeshError) -> [SocketAddress] {
        let addresses = try? await eventLoop.submit { self.isClosed ? nil : self.sockets.map(\.address) }.get()
        guard let addresses = addresses ?? nil else { throw .notRunning }
        return addresses
    }

    /// The number of datagrams that were lost since the start, for each reason.
    ///
    /// - Throws: `MeshError.notRunning` if the driver has closed.
    func lostDatagrams() async throws(MeshError) -> DatagramLosses {
        for index in lanes.indices {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                countLosses(of: index) { continuation.resume() }
            }
        }
        let losses = try? await eventLoop.submit { self.isClosed ? nil : self.datagramLosses }.get()
        guard let losses = losses ?? nil else { throw .notRunning }
        return losses
    }

    /// Waits until `condition` returns a value. `condition` is called at once, and after each pass of the event loop.
    ///
    /// - Throws: The error with which the driver closes, or `MeshError.notRunning` if the driver closes without an
    ///   error; `MeshError.cancelled` if the task is canceled, or its service group shuts down, during the wait.
    func value<Value: Sendable>(
        _ condition: @escaping @Sendable (Machine, Instant) -> Value?
    ) async throws(MeshError) -> Value {
        let answer = OneShot<Result<Value, MeshError>>()
        let waiting = MachineCondition<Machine>(
            isMet: { machine, now in
                guard let value = condition(machine, now) else { return false }
                answer.give(.success(value))
                return true
            },
            fail: { answer.give(.failure($0)) })
        eventLoop.execute { self.await(waiting) }
        let result = await answer.value(ifCancelled: .failure(.cancelled))
        if case .failure(.cancelled) = result {
            eventLoop.execute { self.conditions.removeAll { $0 === waiting } }
        }
        return try result.get()
    }

    /// Sends the machine's outputs, closes the sockets, and makes `finished` return.
    ///
    /// - Parameter failure: The error that `run()` then throws; nil if `run()` returns without an error.
    func close(_ failure: MeshError? = nil) {
        eventLoop.execute {
            guard !self.isClosed else { return }
            self.pump()
            self.isClosed = true
            self.closingFailure = failure
            self.timer?.cancel()
            self.strangerTask?.cancel()
            for socket in self.sockets { socket.close() }
            for condition in self.conditions { condition.fail(failure ?? .notRunning) }
            self.conditions = []
            let closing = self.lanes.map { lane in lane.eventLoop.submit { lane.close() } }
            EventLoopFuture.andAllComplete(closing, on: self.eventLoop).whenComplete { _ in
                self.closed.succeed(failure)
            }
        }
    }

    /// Closes the driver as soon as the machine is done and the sockets have sent all queued datagrams, but after
    /// `limit` at the latest.
    ///
    /// - Parameter isDone: Returns true if the machine has no more to send.
    func close(within limit: Duration, when isDone: @escaping @Sendable (Machine) -> Bool) {
        let deadline = now + limit
        eventLoop.execute { self.closeIfDone(deadline, isDone) }
    }

    private func closeIfDone(_ deadline: Instant, _ isDone: @escaping @Sendable (Machine) -> Bool) {
        guard !isClosed else { return }
        let hasSent = box.map { isDone($0.machine) } ?? true && sockets.allSatisfy(\.hasSentAll)
        guard now < deadline else { return close() }
        if hasSent {
            askLanes(lanes[...]) { hasSent in
                if hasSent { self.close() } else { self.closeLater(deadline, isDone) }
            }
        } else {
            closeLater(deadline, isDone)
        }
    }

    private func closeLater(_ deadline: Instant, _ isDone: @escaping @Sendable (Machine) -> Bool) {
        eventLoop.scheduleTask(in: .milliseconds(1)) { self.closeIfDone(deadline, isDone) }
    }

    /// Calls `answer` with true if the lanes have sent all datagrams that they got before this call, otherwise with
    /// false.
    private func askLanes(_ lanes: ArraySlice<ServerLane>, _ answer: @escaping @Sendable (Bool) -> Void) {
        guard let lane = lanes.first else { return answer(true) }
        lane.eventLoop.execute {
            let hasSent = lane.hasSentAll
            self.eventLoop.execute {
                if hasSent { self.askLanes(lanes.dropFirst(), answer) } else { answer(false) }
            }
        }
    }

    private var now: Instant {
        Instant(nanoseconds: (clock.now - origin).wholeNanoseconds)
    }

    private func call<Success, Failure: Error>(
        _ body: (inout Machine, Instant) throws(Failure) -> Success
    ) -> Result<Success, Failure>? {
        eventLoop.assertInEventLoop()
        guard !isClosed, let box else { return nil }
        let now = now
        let result = Result { () throws(Failure) in try body(&box.machine, now) }
        runLoopPass()
        return result
    }

    private func await(_ condition: MachineCondition<Machine>) {
        eventLoop.assertInEventLoop()
        guard !isClosed else { return condition.fail(closingFailure ?? .notRunning) }
        if let box, condition.isMet(box.machine, now) { return }
        conditions.append(condition)
    }

    func receive(_ datagram: Span<UInt8>, _ path: Path) {
        eventLoop.assertInEventLoop()
        guard !isClosed, let box else { return }
        receivedCount &+= 1
        if box.machine.expects(datagram, path: path) {
            handle(datagram, path, now)
        } else if strangers.count < Limits.strangerQueue, datagram.count <= ProtocolConstants.maximumDatagram {
            strangers.append(([UInt8](copying: datagram), path))
        } else if strangers.count < Limits.strangerQueue {
            // The datagram is too large for any handshake, so the machine refuses it, and it need not be stored.
            handle(datagram, path, now)
        } else {
            droppedStrangers &+= 1
        }
    }

    private func handle(_ datagram: Span<UInt8>, _ path: Path, _ now: Instant) {
        guard let box else { return }
        box.machine.handle(datagram, path: path, now: now)
        let (total, last) = box.machine.newestRejection
        refusals.note(total: total, last, from: path.remote)
    }

    private func take(_ result: ServerLane.Result, from lane: Int) {
        eventLoop.assertInEventLoop()
        lanes[lane].noteTaken(result)
        guard !isClosed, let box else { return }
        receivedCount &+= result.received
        box.machine.handle(result.report, now: now)
        if let source = result.report.refusedSource {
            let (total, last) = box.machine.newestRejection
            refusals.note(total: total, last, from: source)
        }
        for refused in result.refusedSends {
            lastLaneRefusal = refused
            noteRefusal(refused.address, refused.error)
        }
        runLoopPass()
    }

    /// Runs one pass, after a burst of reads, a timer or a call. A pass handles the timeouts that are due, then some of
    /// the strangers' datagrams that wait, and then sends the machine's outputs.
    private func runLoopPass() {
        eventLoop.assertInEventLoop()
        guard !isClosed, let box else { return }
        let now = now
        serveTimeouts(box, now)
        serveStrangers()
        pump()
        checkConditions()
        report(box, now)
        schedule(box)
    }

    private func serveTimeouts(_ box: MachineBox<Machine>, _ now: Instant) {
        // A machine postpones or removes each deadline that it has handled. The bound keeps a faulty machine from
        // blocking the loop.
        for _ in 0..<Self.timeoutsPerTurn {
            guard let deadline = box.machine.dueNext, deadline <= now else { return }
            box.machine.handleTimeout(now: now)
        }
    }

    /// Handles queued datagrams of strangers for at most 2 ms, then pauses for as long as the handling took. So this
    /// work takes at most half of the event loop's time. If no datagram is queued, reads strangers' datagrams from the
    /// sockets.
    private func serveStrangers() {
        guard strangerTask == nil else { return }
        guard !strangers.isEmpty else {
            for socket in sockets { socket.readStrangers() }
            return
        }
        let start = now
        var elapsed = Duration.zero
        var count = 0
        while count < min(strangers.count, Self.strangersPerTurn), elapsed < Self.strangersTime {
            let stranger = strangers[count]
            handle(stranger.bytes.span, stranger.path, start)
            count += 1
            elapsed = now - start
        }
        strangers.removeFirst(count)
        // The pause has an upper bound because the elapsed time includes time in which other processes ran.
        let pause = min(max(elapsed, Self.shortestPause), Self.longestPause)
        strangerTask = eventLoop.scheduleTask(in: .nanoseconds(pause.wholeNanoseconds)) {
            self.strangerTask = nil
            self.runLoopPass()
        }
    }

    private func pump() {
        var emitted: [EventSource<Machine.Event>.Item] = []
        defer { emit(emitted) }
        var outputs: [Output<Machine.Event>] = []
        swap(&outputs, &self.outputs)
        repeat {
            while box?.takeOutputs(&outputs) == true {
                for index in outputs.indices {
                    // The output is moved out of the array, as in `OutputQueue.pop`.
                    var output = Output<Machine.Event>.drain
                    swap(&output, &outputs[index])
                    handle(output, &emitted)
                }
                outputs.removeAll(keepingCapacity: true)
            }
            // The machine may answer a datagram that the system refuses to send.
        } while flushSockets()
        if outputs.capacity <= Self.keptOutputs { swap(&outputs, &self.outputs) }
        if !lanes.isEmpty { handOver() }
    }

    private func handle(
        _ output: consuming Output<Machine.Event>, _ emitted: inout [EventSource<Machine.Event>.Item]
    ) {
        switch consume output {
        case .transmit(let transmit):
            sentCount &+= 1
            if transmit.lane > 0, Int(transmit.lane) <= orders.count {
                orders[Int(transmit.lane) - 1].transmits.append(transmit)
            } else {
                let socket = Int(transmit.path.socket)
                if socket < sockets.count { sockets[socket].send(transmit) }
            }
        case .event(let event):
            metrics.count(event)
            let priority = priority(event)
            let messageSize: Int? = if case .message(let size) = priority { size } else { nil }
            emitted.append((event, messageSize))
            if case .last(let failure) = priority { close(failure) }
        case .keep(let change): keep(change, self)
        case .drain:
            UDPSocket.drain(sockets, on: eventLoop) { self.drain(self.lanes[...]) }
        }
    }

    /// Returns false if there was nothing to send.
    private func flushSockets() -> Bool {
        sockets.reduce(false) { hasSent, socket in socket.flush() || hasSent }
    }

    /// Passes the collected datagrams and session changes to the lanes. Each lane that has any gets them in one call on
    /// its event loop.
    private func handOver() {
        if let updates = box?.machine.takeLaneUpdates() {
            for (index, update) in updates.enumerated() where index < orders.count { orders[index].update = update }
        }
        for (index, lane) in lanes.enumerated() where !orders[index].isEmpty {
            let order = orders[index]
            orders[index] = ServerLane.Orders()
            lane.hand(order)
        }
    }

    /// Passes all events of a pass to the consumers together, so that each consumer is woken only once.
    private func emit(_ emitted: [EventSource<Machine.Event>.Item]) {
        guard !emitted.isEmpty else { return }
        let dropped = events.yield(emitted)
        if dropped > 0, let count = droppedEvents.happened(dropped) {
            logger.warning("dropped events: a consumer is too slow", metadata: ["count": .stringConvertible(count)])
        }
    }

    private func checkConditions() {
        guard !conditions.isEmpty, let box else { return }
        let now = now
        conditions.removeAll { $0.isMet(box.machine, now) }
    }

    /// Reads the sockets of the lanes until they are empty, one lane after another. The datagrams of each lane reach
    /// the machine before the next lane is read.
    private func drain(_ lanes: ArraySlice<ServerLane>) {
        guard let lane = lanes.first else {
            guard !isClosed else { return }
            box?.machine.handleDrained(now: now)
            return runLoopPass()
        }
        lane.eventLoop.execute {
            lane.drain { self.eventLoop.execute { self.drain(lanes.dropFirst()) } }
        }
    }

    private func noteRefusal(_ address: SocketAddress, _ error: SystemError) {
        guard !isClosed else { return }
        box?.machine.handleRefusedSend(to: address, SendRefusal(error), now: now)
    }

    private func report(_ box: MachineBox<Machine>, _ now: Instant) {
        if refusals.isDue(total: box.machine.newestRejection.total, now: now) {
            refusals.log(box.machine.rejections, to: logger, now: now)
        }
        // Counting the losses costs a system call per socket.
        guard now >= nextLossReport || losses.deadline.map({ now >= $0 }) == true else { return }
        nextLossReport = now + Self.lossReportInterval
        for index in lanes.indices { countLosses(of: index) {} }
        let lost = datagramLosses
        metrics.report(box.machine, received: receivedCount, sent: sentCount, losses: lost, now: now)
        let counts = lost.nonZero.map { ($0.reason, $0.count) }
        for (loss, count) in losses.take(counts, now: now) {
            var metadata: Logger.Metadata = ["reason": "\(loss.rawValue)", "count": .stringConvertible(count)]
            if loss == .sendRefused, let last = sockets.lazy.compactMap(\.lastRefusal).last ?? lastLaneRefusal {
                metadata["to"] = "\(last.address)"
                metadata["error"] = "\(last.error.message)"
            }
            logger.notice("lost datagrams", metadata: metadata)
        }
        guard let totals = losses.takeTotals(counts, now: now) else { return }
        logger.notice("losses ended", metadata: totals.metadata { "lost.\($0.rawValue)" })
    }

    /// Asks a lane for the number of datagrams that it has lost. The lane's event loop answers in order, so an older
    /// count never replaces a newer count.
    private func countLosses(of index: Int, done: @escaping @Sendable () -> Void) {
        let lane = lanes[index]
        lane.eventLoop.execute {
            let losses = lane.losses
            self.eventLoop.execute {
                self.laneLosses[index] = losses
                done()
            }
        }
    }

    private var datagramLosses: DatagramLosses {
        var losses = sockets.reduce(into: DatagramLosses()) { $0.add($1.countLosses()) }
        for lost in laneLosses { losses.add(lost) }
        losses.count(.strangersDropped, droppedStrangers)
        return losses
    }

    private func schedule(_ box: MachineBox<Machine>) {
        let logDue = Instant.earlier(refusals.deadline, losses.deadline)
        guard let next = Instant.earlier(box.machine.dueNext, logDue) else { return }
        if let timerDeadline {
            // A timer that fires a little too early costs less than a new one.
            guard next < timerDeadline || next > timerDeadline + Self.earlyTimer else { return }
            timer?.cancel()
        }
        let delay = max((next - now).wholeNanoseconds, 0)
        timerDeadline = next
        timer = eventLoop.scheduleTask(in: .nanoseconds(delay)) {
            self.timer = nil
            self.timerDeadline = nil
            self.runLoopPass()
        }
    }
}

extension MeshDriver {
    private static var timeoutsPerTurn: Int { 16 }
    private static var earlyTimer: Duration { .milliseconds(2) }
    /// The largest capacity, in outputs, of the array that `pump` keeps.
    private static var keptOutputs: Int { 256 }
    private static var lossReportInterval: Duration { .seconds(1) }
    private static var strangersPerTurn: Int { 256 }
    private static var strangersTime: Duration { .milliseconds(2) }
    private static var shortestPause: Duration { .microseconds(100) }
    private static var longestPause: Duration { .milliseconds(2) }
}

/// Keeps a machine in one place in memory. Reading a machine through an Optional or a closure would copy all of it.
private final class MachineBox<Machine: MeshMachine> {
    var machine: Machine

    init(_ machine: Machine) {
        self.machine = machine
    }

    /// Moves all outputs of the machine to `outputs`, which must be empty. Returns false if there are none.
    ///
    /// Swift checks each access to the machine for exclusivity. This method makes one access for all outputs.
    func takeOutputs(_ outputs: inout [Output<Machine.Event>]) -> Bool {
        machine.takeOutputs(&outputs)
        return !outputs.isEmpty
    }
}

/// Calls that use a machine without copying it. They are `mutating`: if a machine is stored in an object, the compiler
/// copies the machine before each nonmutating call.
extension MeshMachine {
    @inline(__always)
    fileprivate mutating func expects(_ datagram: Span<UInt8>, path: Path) -> Bool {
        isExpected(datagram, path: path)
    }

    /// See `MachineBox.takeOutputs`.
    @inline(__always)
    fileprivate mutating func takeOutputs(_ outputs: inout [Output<Event>]) {
        while let output = pollOutput() { outputs.append(output) }
    }

    fileprivate var dueNext: Instant? {
        @inline(__always) mutating get { nextDeadline }
    }

    /// The number of refused datagrams, and the reason of the newest refusal; nil if there is none.
    fileprivate var newestRejection: (total: UInt64, last: Rejection?) {
        @inline(__always) mutating get { (rejections.total, rejections.last) }
    }
}

/// The state of one call of `MeshDriver.call(every:_:)`. It is used on the event loop only.
private final class Repetition<Machine: MeshMachine>: @unchecked Sendable {
    let body: @Sendable (inout Machine, Instant) -> Bool
    let end = OneShot<Void>()
    var hasEnded = false

    init(_ body: @escaping @Sendable (inout Machine, Instant) -> Bool) {
        self.body = body
    }
}

/// A caller that waits in `MeshDriver.value`. It is used on the event loop only.
private final class MachineCondition<Machine: MeshMachine>: Sendable {
    /// Passes the value to the caller and returns true; returns false if there is no value yet.
    let isMet: @Sendable (Machine, Instant) -> Bool
    let fail: @Sendable (MeshError) -> Void

    init(
        isMet: @escaping @Sendable (Machine, Instant) -> Bool, fail: @escaping @Sendable (MeshError) -> Void
    ) {
        self.isMet = isMet
        self.fail = fail
    }
}
