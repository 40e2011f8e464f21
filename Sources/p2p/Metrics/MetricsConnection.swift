internal import NIOCore
internal import NIOHTTP1

/// The connection of a client that reads the metrics. It answers one request, and then it is closed.
final class MetricsConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let service: MetricsService
    private var head: HTTPRequestHead?
    private var timer: Scheduled<Void>?

    init(_ service: MetricsService) {
        self.service = service
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let loopContext = context.loopBound
        // This time limits the whole connection: the request, and the time in which the client must read the answer.
        timer = context.eventLoop.scheduleTask(in: .seconds(10)) { loopContext.value.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        // None of the paths takes a body.
        case .body: break
        case .end:
            guard let head else { return }
            let service = service
            let loopContext = context.loopBound
            let eventLoop = context.eventLoop
            Task {
                let answer = await service.answer(head.method.rawValue, head.uri)
                eventLoop.execute { self.write(answer, head, loopContext.value) }
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func write(_ answer: MetricsService.Answer, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let body = Array(answer.text.utf8)
        let headers = HTTPHeaders([
            ("content-type", "text/plain; version=0.0.4; charset=utf-8"), ("content-length", String(body.count)),
            ("connection", "close"),
        ])
        let status = HTTPResponseStatus(statusCode: answer.status)
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: status, headers: headers))),
            promise: nil)
        if head.method != .HEAD {
            var buffer = context.channel.allocator.buffer(capacity: body.count)
            buffer.writeBytes(body)
            context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        }
        let loopContext = context.loopBound
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            loopContext.value.close(promise: nil)
        }
    }
}
