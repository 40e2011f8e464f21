/// Finds out whether a socket can be bound to an address, and which buffers the system grants it.
package struct AddressProbe: Sendable {
    /// The size of the receive buffer that was granted, in bytes.
    package let receiveBuffer: Int
    /// The size of the receive buffer that a server's or a peer's socket requests, in bytes.
    package var requestedReceiveBuffer: Int { Limits.receiveBuffer }

    /// Binds a socket to the address and closes it again.
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
}
