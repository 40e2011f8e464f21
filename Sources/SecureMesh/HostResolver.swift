/// Looks up the addresses of hosts. Tests replace the system's resolver with their own.
package protocol HostResolver: Sendable {
    /// Returns the addresses of the host, in the order in which to try them.
    func addresses(of host: String) async -> Result<[SocketAddress.IP], HostLookupError>
}

/// The reason why the lookup of a name has found no addresses.
package enum HostLookupError: Error, Hashable, Sendable {
    /// The name service says that no host has this name.
    case unknownHost
    /// The name service could not be reached, or has no answer at present.
    case unavailable(reason: String)

    package var reason: String {
        switch self {
        case .unknownHost: "there is no host of this name"
        case .unavailable(let reason): reason
        }
    }
}
