/// The source addresses that a server answers.
///
/// It refuses, before any work is done, an address that members could not send to, and one that would direct the
/// server's answers to itself or to hosts of its own network.
package struct SourcePolicy: Sendable {
    /// The address of each socket, in the order of `Path.socket`.
    private let bound: [SocketAddress]

    package init(bound: [SocketAddress]) {
        self.bound = bound
    }

    /// Returns true if a HELLO from `path` may be answered.
    ///
    /// A loopback or link-local source is allowed only if its socket is bound to such an address. On any other socket
    /// the address would mean a different host to each member that learns it.
    package func allows(_ path: Path) -> Bool {
        let source = path.remote
        guard source.isUsable, !bound.contains(source), Int(path.socket) < bound.count else { return false }
        let own = bound[Int(path.socket)]
        if source.isLoopback { return own.isLoopback }
        if source.isLinkLocal { return own.isLinkLocal }
        return true
    }
}
