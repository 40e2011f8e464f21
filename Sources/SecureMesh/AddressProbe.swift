/// Tests whether a socket can be bound to an address, and how large a receive buffer the system grants it.
package struct AddressProbe: Sendable {
    /// The size of the receive buffer that the system has granted, in bytes.
    package let receiveBuffer: Int
    /// The size of the receive buffer that a server's or a peer's socket requests, in bytes.
    package var requestedReceiveBuffer: Int { Limits.receiveBuffer }

    /// Binds a socket to the address, requests a receive buffer, and closes the socket again.
    ///
    /// - Throws: ``MeshError/addressInUse(_:)``, ``MeshError/cannotBind(_:reason:)``.
    package init(binding address: SocketAddress) throws(MeshError) {
        do throws(SystemError) {
            let socket = try SocketDescriptor(bindingTo: address, isIPv6Only: false)
            receiveBuffer = socket.requestReceiveBuffer(Limits.receiveBuffer)
        } catch {
            throw MeshError(binding: address, error)
        }
    }

    /// Returns the size of the largest packet, in bytes including its headers, that the system would send to an address
    /// without fragmentation. Returns nil if there is no route or the system does not report the size.
    package static func pathMTU(to address: SocketAddress) -> Int? {
        let local = address.isIPv6 ? SocketAddress.wildcard() : SocketAddress(ip: .v4(0), port: 0)
        return (try? SocketDescriptor(bindingTo: local, isIPv6Only: false))?.pathMTU(to: address)
    }
}
