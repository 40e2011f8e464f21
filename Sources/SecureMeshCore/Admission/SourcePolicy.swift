/// Which source addresses a server answers at all.
///
/// An address that members could not send to, or that would turn the server's own answers on itself or on hosts of
/// its own network, is refused before any work is done.
package struct SourcePolicy: Sendable {
    /// The address of each socket, in the order of `Path.socket`.
    private let bound: [SocketAddress]

    package init(bound: [SocketAddress]) {
        self.bound = bound
    }

    /// Loopback and link-local only where the socket itself is bound so: elsewhere the address would mean another
    /// host to each member that is told it.
    package func allows(_ path: Path) -> Bool {
        let source = path.remote
        guard source.isUsable, !bound.contains(source), Int(path.socket) < bound.count else { return false }
        let own = bound[Int(path.socket)]
        if source.isLoopback { return own.isLoopback }
        if source.isLinkLocal { return own.isLinkLocal }
        return true
    }
}
