extension Peer {
    /// A peer's key and name, and the server that it joins.
    package struct Configuration: Sendable {
        package var key: SigningKey
        package var name: PeerName
        /// The pinned keys, one of which is the server's.
        package var servers: [PublicKey]
        package var server: SocketAddress
        /// The rate at which each member's messages are accepted.
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
