/// Exports the values and the state machines of the protocol, so that a program needs to import only SecureMesh.
@_exported public import SecureMeshCore

/// The address type of this library. The declaration in this module takes precedence over the type of the same name in
/// SwiftNIO.
@_documentation(visibility: internal)
public typealias SocketAddress = SecureMeshCore.SocketAddress
