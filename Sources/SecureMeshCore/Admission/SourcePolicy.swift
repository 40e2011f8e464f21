/// The rules that decide which source addresses a server answers.
///
/// Before any other work, they exclude an address to which members could not send. They also exclude an address of the
/// server itself, because the server would send its answers to itself.
package struct SourcePolicy: Sendable {
    /// The address of each socket of the server. `Path.socket` is an index into this array.
    private let bound: [SocketAddress]
    /// The addresses of the server's host. A socket that is bound to a wildcard address receives datagrams at all of
    /// them.
    package var hostAddresses: Set<SocketAddress.IP>
    private let wildcardPorts: Set<UInt16>

    package init(bound: [SocketAddress], hostAddresses: Set<SocketAddress.IP> = []) {
        self.bound = bound
        self.hostAddresses = hostAddresses
        wildcardPorts = Set(bound.filter(\.isUnspecified).map(\.port))
    }

    /// Returns true if a HELLO from `path` may be answered.
    ///
    /// A loopback or link-local source is allowed only if the socket that received the HELLO is bound to an address of
    /// the same kind. Otherwise the address would mean a different host to each member that learns it from the
    /// directory.
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
