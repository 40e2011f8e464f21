internal import NIOCore

/// Looks up the name of a peer's server, and passes the addresses to the peer's state machine.
///
/// The name is looked up when the peer begins to join. While the peer is joining, the lookup is repeated with growing
/// pauses.
struct ServerLocator: Sendable {
    let host: String
    let port: UInt16
    let resolver: any HostResolver
    /// The local address of the peer's socket. The socket may be able to send only to IPv4 addresses, or only to IPv6
    /// addresses.
    let bound: SocketAddress

    /// Looks up the name whenever the peer seeks its server, until the driver closes or the task is canceled.
    func run(_ driver: MeshDriver<Peer>) async {
        var hasFound = false
        var pauses = 0
        while !Task.isCancelled {
            guard let seeks = try? await driver.submit({ (peer, _) throws(Never) in peer.seeksServer }).get() else {
                return
            }
            if !seeks { pauses = 0 }
            guard (try? await driver.value { peer, _ in peer.seeksServer ? true : nil }) != nil else { return }
            let answer = await resolver.addresses(of: host).flatMap(candidates)
            guard !Task.isCancelled else { return }
            switch answer {
            case .success(let addresses):
                hasFound = true
                driver.eventLoop.execute { driver.perform { $0.locate(addresses, now: $1) } }
            case .failure(.unknownHost) where !hasFound:
                return driver.close(.unknownHost(host))
            case .failure(let error):
                driver.eventLoop.execute { driver.perform { peer, _ in peer.lookupFailed(error.reason) } }
            }
            try? await Task.sleep(for: Limits.lookupPauses[min(pauses, Limits.lookupPauses.count - 1)])
            pauses += 1
        }
    }

    /// Returns the found addresses to which the socket can send, or a failure if there are none. The result begins with
    /// the first such address in `found`. IPv6 and IPv4 addresses alternate as long as there are both.
    private func candidates(_ found: [SocketAddress.IP]) -> Result<[SocketAddress], HostLookupError> {
        let all = found.map { SocketAddress(ip: $0, port: port) }
        let reachable = all.filter { $0.isUsable && bound.reaches($0) }
        guard let first = reachable.first else {
            let list = all.map(\.description).joined(separator: ", ")
            let reason = list.isEmpty ? "it has no address" : "a socket at \(bound) cannot reach \(list)"
            return .failure(.unavailable(reason: reason))
        }
        let same = reachable.filter { $0.isIPv6 == first.isIPv6 }
        let other = reachable.filter { $0.isIPv6 != first.isIPv6 }
        let rounds = max(same.count, other.count)
        return .success((0..<rounds).flatMap { index in [same, other].compactMap { $0.dropFirst(index).first } })
    }
}
