internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What can go wrong at the edges of a mesh: configuration, sockets, life cycle.
public enum MeshError: Error, Hashable, Sendable {
    /// No address, no key, an interval that does not fit: says which.
    case invalidConfiguration(String)
    /// Not `HOST:PORT`, or a host name that cannot be looked up.
    case unresolvable(String)
    case addressInUse(SocketAddress)
    /// The operating system's reason.
    case cannotBind(SocketAddress, reason: String)
    /// `run()` has not bound its sockets yet, or has ended.
    case notRunning
    /// `run()` was called twice.
    case alreadyRan
    /// The server turned this peer's key away, or revoked it. Joining again would not help.
    case notAuthorised
}

extension MeshError {
    /// What binding `address` failed with.
    init(binding address: SocketAddress, _ error: any Error) {
        switch error {
        case let error as MeshError:
            self = error
        case let error as IOError where error.errnoCode == EADDRINUSE:
            self = .addressInUse(address)
        default:
            // SwiftNIO: "bind(descriptor:ptr:bytes:): Permission denied) (errno: 13)", with or without the second ")".
            let text = String(describing: error)
            let reason = text.split(separator: "): ").last.map(String.init) ?? text
            self = .cannotBind(address, reason: reason.replacing(") (errno", with: " (errno"))
        }
    }
}
