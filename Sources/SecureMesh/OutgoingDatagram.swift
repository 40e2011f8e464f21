/// A datagram that a socket is about to send.
struct OutgoingDatagram {
    let bytes: [UInt8]
    let remote: SocketAddress
    /// The address of this host from which to send; nil to let the system choose.
    let local: SocketAddress.IP?
}
