internal import NIOConcurrencyHelpers
package import NIOCore
internal import NIOHTTP1
package import NIOPosix

/// Accepts connections of HTTP/1.1 clients. The number of connections and the size of a request's head are limited.
package enum HTTPListener {
    /// Returns a bootstrap for a listener. For each connection, the bootstrap makes a handler, which receives the
    /// connection's requests.
    ///
    /// - Parameters:
    ///   - group: The event loop of the listener and its connections.
    ///   - connections: The largest number of connections that are open at once. The listener closes further
    ///     connections.
    ///   - admit: Returns a failed future for a client whose connection must be closed.
    ///   - answersErrors: True to answer bytes that are not HTTP with an empty response; false if the handler answers
    ///     them.
    ///   - makeHandler: Returns the handler of a connection. The handler must limit the size of a request's body and
    ///     the time that a request may take.
    package static func bootstrap(
        _ group: MultiThreadedEventLoopGroup, connections: Int, answersErrors: Bool = true,
        admitting admit: @escaping @Sendable (any Channel) -> EventLoopFuture<Void> = {
            $0.eventLoop.makeSucceededVoidFuture()
        },
        makeHandler: @escaping @Sendable () -> any ChannelHandler
    ) -> ServerBootstrap {
        let open = NIOLockedValueBox(0)
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = ControlLimits.headerField
        limits.maxHeaderListSize = ControlLimits.header
        limits.maxHeaderFieldCount = ControlLimits.headerFields
        let decoder = limits
        return ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 64)
            .childChannelInitializer { channel in
                let count = open.withLockedValue { count in
                    count += 1
                    return count
                }
                channel.closeFuture.whenComplete { _ in open.withLockedValue { $0 -= 1 } }
                guard count <= connections else {
                    return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
                }
                return admit(channel).flatMapThrowing {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                        withPipeliningAssistance: true, withErrorHandling: answersErrors,
                        withOutboundHeaderValidation: true, withEncoderConfiguration: .init(),
                        withDecoderLimitConfiguration: decoder)
                    try channel.pipeline.syncOperations.addHandler(makeHandler())
                }
            }
    }
}
