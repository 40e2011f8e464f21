/// Decides which lookups of the server's name are reported: the first of several failures in a row, and a success that
/// follows a failure or finds other addresses.
package struct ServerLookup: Sendable {
    private var addresses: Set<SocketAddress> = []
    private var hasFailed = false

    package init() {}

    /// Notes the addresses that a lookup found.
    ///
    /// - Returns: The event to emit; nil if the previous lookup found the same addresses.
    package mutating func found(_ found: [SocketAddress]) -> PeerEvent? {
        defer { (addresses, hasFailed) = (Set(found), false) }
        return hasFailed || addresses != Set(found) ? .serverLocated(found) : nil
    }

    /// Notes that a lookup failed.
    ///
    /// - Returns: The event to emit; nil if the previous lookup failed too.
    package mutating func failed(_ reason: String) -> PeerEvent? {
        defer { hasFailed = true }
        return hasFailed ? nil : .lookupFailed(reason: reason)
    }
}
