internal import NIOCore
internal import NIOHTTP1

/// Reads the user id of the listening process as soon as the connection opens.
///
/// Later may be too late: if the listening process refuses this client, it closes the connection at once. Then the user
/// id cannot be read any more.
final class ListenerUser: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    private var promise: EventLoopPromise<UInt32>?

    /// - Parameter promise: The promise for the user. It fails if the connection does not open.
    init(_ promise: EventLoopPromise<UInt32>) {
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        context.channel.userAtOtherEnd().cascade(to: promise)
        promise = nil
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        promise?.fail(ChannelError.ioOnClosedChannel)
    }
}
