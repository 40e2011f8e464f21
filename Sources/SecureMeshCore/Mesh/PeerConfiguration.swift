extension Peer {
    /// A peer's key and name, and the server that it joins.
    package struct Configuration: Sendable {
        package var key: SigningKey
        package var name: PeerName
        /// The pinned keys, one of which is the server's.
        package var servers: [PublicKey]
        /// The addresses of the server, in the order in which to ask them; empty if they are not known yet.
        package var addresses: [SocketAddress]
        /// True if this peer, after a pause, again asks a server that did not let its key join. If false, this peer
        /// ends when it has no other pinned server to ask.
        package var returnsAfterExclusion = false
        /// The rates at which messages are accepted, and at which this peer sends to each receiver.
        package var messageLimits = MessageLimits()
        /// The entries of other peers in this process, to share memory with them.
        package var entries: (any EntrySharing)?
        package var primitives: any Primitives = Libsodium()

        package init(key: SigningKey, name: PeerName, servers: [PublicKey], addresses: [SocketAddress]) {
            self.key = key
            self.name = name
            self.servers = servers
            self.addresses = addresses
        }

        package init(key: SigningKey, name: PeerName, servers: [PublicKey], server: SocketAddress) {
            self.init(key: key, name: name, servers: servers, addresses: [server])
        }
    }
}
