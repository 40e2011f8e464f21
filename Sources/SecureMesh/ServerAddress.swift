/// The address of a mesh's server: numeric addresses with ports, or the name of a host with a port.
///
/// A name is looked up whenever the peer joins, and again every few seconds until the server answers. So a peer finds a
/// server that has moved.
///
/// If there are several addresses, the peer tries them in turn, 0.25 s apart, and keeps the address at which the
/// server answers. The addresses of a name are tried with IPv6 and IPv4 alternating (RFC 8305).
///
/// After a failed lookup, the peer usually goes on, because the failure may be temporary.
/// ``PeerEvent/lookupFailed(reason:)`` contains the reason, and ``PeerEvent/serverLocated(_:)`` follows when a lookup
/// succeeds. There is one exception: if the name service says that the name does not exist, and no earlier lookup has
/// found the name, ``MeshPeer/run()`` throws ``MeshError/unknownHost(_:)``.
public struct ServerAddress: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        case addresses([SocketAddress])
        case name(String, port: UInt16)
    }

    let place: Place

    /// Makes the address of a server from numeric addresses, which the peer tries in this order. There must be one to
    /// eight of them: otherwise ``MeshPeer`` throws ``MeshError/invalidConfiguration(_:)``.
    public init(_ addresses: SocketAddress...) {
        self.init(addresses)
    }

    /// Makes the address of a server from one to eight numeric addresses; see ``init(_:)-(SocketAddress...)``.
    public init(_ addresses: [SocketAddress]) {
        place = .addresses(addresses)
    }

    /// Reads `HOST:PORT`, such as `192.0.2.1:3000`, `[2001:db8::1]:3000` or `mesh.example:3000`. Does not look up a
    /// name.
    ///
    /// - Throws: ``SocketAddressError``.
    public init(_ text: String) throws(SocketAddressError) {
        let (host, port) = try SocketAddress.split(text)
        if let address = SocketAddress.numeric(host, port: port) {
            place = .addresses([address])
        } else {
            guard Self.isName(host) else { throw .invalidHost }
            place = .name(host, port: port)
        }
    }

    /// The numeric addresses; empty if the server is given by name.
    package var addresses: [SocketAddress] {
        if case .addresses(let addresses) = place { addresses } else { [] }
    }

    /// Returns the server's addresses. If the server is given by name, looks up the name without blocking the caller's
    /// thread.
    ///
    /// - Returns: The addresses.
    /// - Throws: ``HostLookupError``.
    package func lookedUp() async throws(HostLookupError) -> [SocketAddress] {
        switch place {
        case .addresses(let addresses): addresses
        case .name(let host, let port):
            try await SystemResolver.shared.addresses(of: host).get().map { SocketAddress(ip: $0, port: port) }
        }
    }

    /// Returns true if the text may be the name of a host: labels of letters, digits, `-` and `_`, separated by dots.
    /// The last label must not be a number, so a mistyped IPv4 address is not taken for a name.
    private static func isName(_ host: String) -> Bool {
        var labels = host.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if labels.count > 1, labels.last?.isEmpty == true { labels.removeLast() }
        let areLabels = labels.allSatisfy { label in
            (1...63).contains(label.count) && label.allSatisfy { $0.isLetterOrDigit || $0 == 0x2D || $0 == 0x5F }
        }
        let isNumber = labels.last?.allSatisfy { (0x30...0x39).contains($0) } ?? true
        return areLabels && !isNumber && host.utf8.count <= 253
    }
}

extension ServerAddress: CustomStringConvertible {
    /// The text of the address: `HOST:PORT`, or several such texts, separated by commas.
    public var description: String {
        switch place {
        case .addresses(let addresses): addresses.map(\.description).joined(separator: ", ")
        case .name(let host, let port): "\(host):\(port)"
        }
    }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }
}
