extension Peer {
    /// The settings of a peer: its key, its name, the servers that it may join, and options.
    package struct Configuration: Sendable {
        package var key: SigningKey
        package var name: PeerName
        /// The pinned keys. This peer joins only a server that has one of them.
        package var servers: [PublicKey]
        /// The addresses of the server, in the order in which this peer tries them; empty if they are not known yet.
        package var addresses: [SocketAddress]
        /// True if a server that did not let this peer's key join is asked again after a pause. If false, this peer
        /// ends when there is no other pinned server to ask.
        package var returnsAfterExclusion = false
        /// The rates at which this peer accepts messages. This peer assumes that other members accept messages at the
        /// same rates, and limits the messages to each member accordingly.
        package var messageLimits = MessageLimits()
        /// The directory entries that this peer shares with other peers of the same process, to save memory; nil if it
        /// shares none.
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
