/// The source addresses that a server answers.
///
/// It refuses, before any work is done, an address that members could not send to, and one that would direct the
/// server's answers to itself.
package struct SourcePolicy: Sendable {
    /// The address of each socket, in the order of `Path.socket`.
    private let bound: [SocketAddress]
    /// The addresses of the server's host. A socket that is bound to a wildcard address receives at all of them.
    package var hostAddresses: Set<SocketAddress.IP>
    private let wildcardPorts: Set<UInt16>

    package init(bound: [SocketAddress], hostAddresses: Set<SocketAddress.IP> = []) {
        self.bound = bound
        self.hostAddresses = hostAddresses
        wildcardPorts = Set(bound.filter(\.isUnspecified).map(\.port))
    }

    /// Returns true if a HELLO from `path` may be answered.
    ///
    /// A loopback or link-local source is allowed only if its socket is bound to such an address. On any other socket
    /// the address would mean a different host to each member that learns it.
    package func allows(_ path: Path) -> Bool {
        let source = path.remote
        guard source.isUsable, !isOwn(path), Int(path.socket) < bound.count else { return false }
        let own = bound[Int(path.socket)]
        if source.isLoopback { return own.isLoopback }
        if source.isLinkLocal { return own.isLinkLocal }
        return true
    }

    /// Returns true if the source is the address of one of the server's sockets.
    private func isOwn(_ path: Path) -> Bool {
        let (ip, port) = (path.remote.ip, path.remote.port)
        return bound.contains(path.remote)
            || wildcardPorts.contains(port) && (hostAddresses.contains(ip) || path.local == ip)
    }
}
