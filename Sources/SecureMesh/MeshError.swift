#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// An error of a server or a peer that concerns its configuration, its sockets or its life cycle.
///
/// If a call other than `run()` throws this error, the call has changed nothing.
@nonexhaustive
public enum MeshError: Error, Hashable, Sendable {
    /// A value of the configuration is invalid. The text names the value, and says which values are valid.
    case invalidConfiguration(String)
    /// The name service says that no host has this name.
    case unknownHost(String)
    /// Another socket is bound to the address.
    case addressInUse(SocketAddress)
    /// The operating system refused to bind the address. `reason` is the system's description of the error.
    case cannotBind(SocketAddress, reason: String)
    /// The server cannot keep its directory in the file at `path`. `reason` says why.
    case cannotKeepDirectory(path: String, reason: String)
    /// The call needs a running server or peer, but `run()` has ended.
    case notRunning
    /// `run()` was called a second time.
    case alreadyRan
    /// The server does not admit this peer's key under this peer's name, or has revoked the key. Joining again would
    /// not help.
    case notAuthorized
    /// The task that made the call was canceled, or the service group of this task began to shut down, while the call
    /// waited.
    case cancelled
}

extension MeshError {
    /// Translates the error of an attempt to bind `address`.
    init(binding address: SocketAddress, _ error: any Error) {
        switch error {
        case let error as MeshError: self = error
        case let error as SystemError where error.code == EADDRINUSE: self = .addressInUse(address)
        case let error as SystemError: self = .cannotBind(address, reason: error.message)
        default: self = .cannotBind(address, reason: String(describing: error))
        }
    }
}
