extension Peer {
    /// Who a peer is, and whom it joins.
    package struct Configuration: Sendable {
        package var key: SigningKey
        package var name: PeerName
        /// The pinned keys: the server holds the secret half of one of them.
        package var servers: [PublicKey]
        package var server: SocketAddress
        package var messageRate = Limits.messageRate
        package var primitives: any Primitives = Libsodium()

        package init(key: SigningKey, name: PeerName, servers: [PublicKey], server: SocketAddress) {
            self.key = key
            self.name = name
            self.servers = servers
            self.server = server
        }
    }
}
