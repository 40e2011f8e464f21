/// The three keys of a session between a peer and the server.
package struct SessionKeys: Sendable {
    package let peerToServer: Secret32
    package let serverToPeer: Secret32
    /// The secret that ties CONFIRM's signature to its handshake.
    package let binder: Secret32

    package init(peerToServer: Secret32, serverToPeer: Secret32, binder: Secret32) {
        self.peerToServer = peerToServer
        self.serverToPeer = serverToPeer
        self.binder = binder
    }
}
