internal import NIOCore

/// A socket of the kernel: its descriptor, which sends; its SwiftNIO channel, which reads; and its counters.
final class BoundSocket: @unchecked Sendable {
    /// The descriptor that sends; nil after `close`.
    private(set) var descriptor: SocketDescriptor?
    /// The sizes of the receive buffer and of the send buffer that the system has granted, in bytes.
    let receiveBuffer: Int
    let sendBuffer: Int
    /// True if each burst of reads needs a call of `read`. This is so for the socket that receives strangers'
    /// datagrams.
    var isPaced: Bool
    /// The channel that reads; nil while it is being set up.
    var channel: (any Channel)?
    /// True if the last burst of reads ended because the socket was empty.
    private(set) var isDrained = true
    /// The number of datagrams that were read from the socket.
    private(set) var received: UInt64 = 0
    private var burst = 0
    private var isReading = false
    private var gauge: SendBufferGauge
    private var drops: UInt32 = 0

    /// - Parameter sendBufferSize: The size of the send buffer to request, in bytes.
    init(_ descriptor: SocketDescriptor, isPaced: Bool, requesting sendBufferSize: Int) {
        self.descriptor = descriptor
        self.isPaced = isPaced
        receiveBuffer = descriptor.requestReceiveBuffer(
            isPaced ? Limits.strangerReceiveBuffer : Limits.receiveBuffer)
        sendBuffer = descriptor.requestSendBuffer(sendBufferSize)
        gauge = SendBufferGauge(size: sendBuffer)
    }

    /// Closes the descriptor and the channel, so that the address is free at once.
    func close() {
        descriptor = nil
        channel?.close(promise: nil)
    }

    /// Reads one burst of datagrams as soon as a datagram has arrived. Only a paced socket (`isPaced`) needs this call.
    func read() {
        guard isPaced, !isReading, let channel else { return }
        isReading = true
        channel.read()
    }

    func noteRead() {
        received += 1
        burst += 1
    }

    /// Notes the end of a burst of reads.
    ///
    /// - Parameter limit: The largest number of datagrams in a burst.
    func noteBurst(limit: Int) {
        isReading = false
        isDrained = burst < limit
        burst = 0
    }

    /// Returns a lower bound of the number of bytes that may still be used before `share` of the send buffer is in use;
    /// negative if more may be in use already.
    func room(below share: SendBufferGauge.Share) -> Int { gauge.room(below: share) }

    /// Returns true if less than `share` of the send buffer is in use.
    ///
    /// - Parameter pending: The number of bytes that the datagrams which are about to be sent use. It counts as used.
    func isBelow(_ share: SendBufferGauge.Share, pending: Int = 0) -> Bool {
        gauge.isBelow(share, pending: pending) { descriptor?.sendBufferUse }
    }

    /// Sends a datagram.
    ///
    /// - Parameter local: The address of this host from which to send; nil to let the system choose.
    func send(
        _ bytes: [UInt8], to remote: SocketAddress, from local: SocketAddress.IP?
    ) -> SocketDescriptor.SendResult {
        guard let descriptor else { return .full }
        let result = descriptor.send(bytes, to: remote, from: local)
        if case .sent = result { gauge.charge(use: SendBufferGauge.use(of: bytes.count)) }
        return result
    }

    /// Sends datagrams in their order until one cannot be sent.
    ///
    /// - Parameter source: Maps a path to the address of this host from which to send; to nil if the system chooses.
    /// - Returns: The number of datagrams that were sent.
    func send(_ datagrams: ArraySlice<Transmit>, source: (Path) -> SocketAddress.IP?) -> Int {
        guard let sent = descriptor?.send(datagrams, source: source) else { return 0 }
        gauge.charge(
            use: datagrams.indices.prefix(sent).reduce(0) { $0 + SendBufferGauge.use(of: datagrams[$1].bytes.count) })
        return sent
    }

    /// Returns the number of datagrams that the kernel has dropped since the last call.
    func takeDrops() -> UInt64 {
        guard let total = descriptor?.drops else { return 0 }
        defer { drops = total }
        return UInt64(total &- drops)
    }
}
