/// Decides which results of looking up the server's name are reported: a first failure, and changes.
package struct ServerLookup: Sendable {
    private var addresses: Set<SocketAddress> = []
    private var hasFailed = false

    package init() {}

    /// Notes the addresses that were found.
    ///
    /// - Returns: The event to emit; nil if the addresses are known already and the last lookup succeeded.
    package mutating func found(_ found: [SocketAddress]) -> PeerEvent? {
        defer { (addresses, hasFailed) = (Set(found), false) }
        return hasFailed || addresses != Set(found) ? .serverLocated(found) : nil
    }

    /// Notes a failure.
    ///
    /// - Returns: The event to emit; nil if the last lookup failed too.
    package mutating func failed(_ reason: String) -> PeerEvent? {
        defer { hasFailed = true }
        return hasFailed ? nil : .lookupFailed(reason: reason)
    }
}
