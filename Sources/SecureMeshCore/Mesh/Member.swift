/// A member of the mesh, as the directory lists it.
public struct Member: Hashable, Sendable {
    /// The name under which the member joined. The same key may join under another name later.
    public let name: PeerName
    /// The member's public key, which is its identity: the name and the address of a member can change.
    public let publicKey: PublicKey
    /// The address at which the server sees the member.
    public let address: SocketAddress

    /// Makes a member. Only tests of programs that handle events need this.
    public init(name: PeerName, publicKey: PublicKey, address: SocketAddress) {
        self.name = name
        self.publicKey = publicKey
        self.address = address
    }

    package init(_ entry: Entry) {
        self.init(name: entry.name, publicKey: entry.identity, address: entry.address)
    }
}
