/// The socket at which a datagram arrives or leaves, and the addresses at both ends.
package struct Path: Hashable, Sendable {
    /// The index of the local socket. A peer has one socket, a server may have several.
    package var socket: UInt8
    package var remote: SocketAddress
    /// The address of this host at which the datagram has arrived, or from which it is to be sent. It is nil if the
    /// socket is bound to one address, or if the system may choose the address.
    package var local: SocketAddress.IP?

    package init(socket: UInt8 = 0, remote: SocketAddress, local: SocketAddress.IP? = nil) {
        self.socket = socket
        self.remote = remote
        self.local = local
    }

    /// Makes the path of a datagram to `remote`. If `own` and `remote` are both IPv4 or both IPv6, the datagram is sent
    /// from the IP address of `own`. Otherwise the system chooses the address.
    package init(from own: SocketAddress?, to remote: SocketAddress) {
        self.init(remote: remote, local: own?.isIPv6 == remote.isIPv6 ? own?.ip : nil)
    }
}
