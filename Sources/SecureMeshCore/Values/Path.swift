/// The socket at which a datagram arrives or leaves, and the address at the other end.
package struct Path: Hashable, Sendable {
    /// The index of the socket; a peer has one, a server may have several.
    package var socket: UInt8
    package var remote: SocketAddress

    package init(socket: UInt8 = 0, remote: SocketAddress) {
        self.socket = socket
        self.remote = remote
    }
}
