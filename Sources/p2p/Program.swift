internal import MeshControl

/// The version and the identity of this process, which servers and peers report at their control sockets.
enum Program {
    static let version = "0.1.0"
    static let identity = ProcessIdentity(version: version, process: FileSystem.processNumber)
}
