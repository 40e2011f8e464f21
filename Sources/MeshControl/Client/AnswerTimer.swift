internal import NIOCore
internal import NIOHTTP1

/// Closes a connection if the answer has not begun after `limit`. The timer is needed because the kernel accepts
/// connections even for a process that is stopped or hangs.
final class AnswerTimer: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    struct Expiry: Error {}

    private let limit: Duration
    private var task: Scheduled<Void>?

    init(limit: Duration) {
        self.limit = limit
    }

    func handlerAdded(context: ChannelHandlerContext) {
        task = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) {
            context.fireErrorCaught(Expiry())
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        task?.cancel()
        context.fireChannelRead(data)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        task?.cancel()
    }
}
