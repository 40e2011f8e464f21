/// The protocol's values and state machines, so that `import SecureMesh` is all that a program needs.
@_exported public import SecureMeshCore

/// The address type of this library. The declaration in this module takes precedence over the type of the same name in
/// SwiftNIO.
public typealias SocketAddress = SecureMeshCore.SocketAddress
