internal import NIOCore
internal import NIOHTTP1

/// The server's end of one client connection. It reads one request at a time, and writes the answer. The size of a
/// request and the time to receive it are limited.
///
/// All methods are called on the event loop of the control socket. Tasks compute the answers.
final class ControlConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case waiting
        case reading(HTTPRequestHead)
        case answering
        case streaming(subscription: Int)
        case closed
    }

    private let service: ControlService
    private var state = State.waiting
    /// The body of the request that is being read. It is not an associated value of `state`, because each change of
    /// `state` would copy it.
    private var body: [UInt8] = []
    private var timer: Scheduled<Void>?
    /// The task that answers the request.
    private var answering: Task<Void, Never>?
    /// The number of events that were dropped since the last line was written, because the reader of the stream is too
    /// slow.
    private var missed = 0

    init(_ service: ControlService) {
        self.service = service
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { expect(within: ControlLimits.requestTime, context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        expect(within: ControlLimits.requestTime, context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .streaming(let subscription) = state { service.process.feed.unsubscribe(subscription) }
        state = .closed
        timer?.cancel()
        // A command that is gone takes its request with it: a message that waits for a member is not sent later.
        answering?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .waiting):
            expect(within: ControlLimits.requestTime, context)
            body = []
            state = .reading(head)
        case (.body(let bytes), .reading(let head)):
            guard body.count + bytes.readableBytes <= ControlLimits.body else {
                let error = ControlError(.tooLarge, "the body has more than \(ControlLimits.body) bytes")
                return refuse(error, head, context)
            }
            body += bytes.readableBytesView
        case (.end, .reading(let head)):
            answer(head, context)
        default:
            break
        }
    }

    /// Closes the connection. If the client sent bytes that are not HTTP, and no answer has begun, an answer with an
    /// error is written first.
    ///
    /// After any other error, such as a connection that the client has reset, no answer would be read.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.close(promise: nil) }
        switch state {
        case .waiting, .reading:
            let error = ControlError(.badRequest, "this is not a request of HTTP/1.1, or its head is too large")
            refuse(error, HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"), context)
        case .answering, .streaming, .closed: context.close(promise: nil)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .streaming = state, context.channel.isWritable { writeMissed(context) }
        context.fireChannelWritabilityChanged()
    }

    // MARK: answers

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        state = .answering
        timer?.cancel()
        let request = ControlRequest(method: head.method.rawValue, target: head.uri, body: body)
        body = []
        let service = service
        let loopContext = context.loopBound
        let eventLoop = context.eventLoop
        answering = Task {
            let answer = await service.answer(request)
            eventLoop.execute { self.write(answer, head, loopContext.value) }
        }
    }

    private func write(_ answer: ControlService.Answer, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard case .answering = state else { return }
        switch answer {
        case .document(let status, let bytes): write(bytes, status: status, head, context)
        case .events(let filter): stream(filter, head, context)
        }
    }

    private func write(
        _ bytes: [UInt8], status: Int, _ head: HTTPRequestHead, closes: Bool = false, _ context: ChannelHandlerContext
    ) {
        let isLast = closes || !head.isKeepAlive
        var headers = HTTPHeaders([
            ("content-type", "application/json"), ("content-length", String(bytes.count + 1)),
        ])
        if isLast { headers.add(name: "connection", value: "close") }
        let response = HTTPResponseHead(
            version: head.version, status: HTTPResponseStatus(statusCode: status), headers: headers)
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        var buffer = context.channel.allocator.buffer(capacity: bytes.count + 1)
        buffer.writeBytes(bytes)
        buffer.writeInteger(UInt8(ascii: "\n"))
        context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        // The state changes before the write, because the next request may be read before the promise is fulfilled.
        state = isLast ? .closed : .waiting
        expect(within: ControlLimits.answerTime, context)
        let loopContext = context.loopBound
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            let context = loopContext.value
            if isLast { return context.close(promise: nil) }
            if case .waiting = self.state { self.expect(within: ControlLimits.idleTime, context) }
        }
    }

    private func refuse(_ error: ControlError, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let body = ControlJSON.encode(ErrorReport(error))
        write(body, status: error.code.status, head, closes: true, context)
    }

    /// Sets a timer that closes the connection after `time`. A further call sets the timer again.
    private func expect(within time: Duration, _ context: ChannelHandlerContext) {
        timer?.cancel()
        let loopContext = context.loopBound
        timer = context.eventLoop.scheduleTask(in: .nanoseconds(time.components.seconds * 1_000_000_000)) {
            loopContext.value.close(promise: nil)
        }
    }

    // MARK: events

    private func stream(_ filter: EventFilter, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let response = HTTPResponseHead(
            version: head.version, status: .ok,
            headers: HTTPHeaders([("content-type", "application/x-ndjson"), ("cache-control", "no-store")]))
        let loopContext = context.loopBound
        let eventLoop = context.eventLoop
        // The subscription comes first, so a client that has read the head gets every later event.
        let subscription = service.process.feed.subscribe(filter) { line in
            eventLoop.execute { self.write(line, loopContext.value) }
        }
        state = .streaming(subscription: subscription)
        context.writeAndFlush(wrapOutboundOut(.head(response)), promise: nil)
    }

    /// Writes an event to the stream. If too many bytes already wait for the reader, only counts the event as missed.
    private func write(_ line: [UInt8], _ context: ChannelHandlerContext) {
        guard case .streaming = state else { return }
        guard context.channel.isWritable else {
            missed += 1
            return
        }
        writeMissed(context)
        writeLine(line, context)
    }

    private func writeMissed(_ context: ChannelHandlerContext) {
        guard missed > 0 else { return }
        writeLine(ControlJSON.line(ControlEvent.missed(missed)), context)
        missed = 0
    }

    private func writeLine(_ line: [UInt8], _ context: ChannelHandlerContext) {
        let buffer = context.channel.allocator.buffer(bytes: line)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
    }
}
