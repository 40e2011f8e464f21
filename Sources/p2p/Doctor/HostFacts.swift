internal import MeshControl
internal import SecureMesh

/// The facts about this host that matter to a mesh.
struct HostFacts: Codable, Sendable {
    /// The size of the receive buffer that the system grants, in bytes; nil if no socket can be bound.
    /// `requestedReceiveBuffer` is the size that p2p requests.
    var receiveBuffer: Int?
    var requestedReceiveBuffer: Int?
    /// For each address, the size in bytes of the largest packet that fits through the network path to this address.
    /// Addresses for which the system does not know this size are left out.
    var pathMTU: [String: Int] = [:]
    var version = Program.version
    var time = Timestamp.now
    /// True if a program synchronizes the clock; nil if the system does not report this.
    var isClockSynchronized = FileSystem.isClockSynchronized

    /// Collects the facts about this host.
    ///
    /// - Parameter addresses: The addresses of the server and of members.
    init(reaching addresses: [String]) {
        if let probe = try? AddressProbe(binding: SocketAddress("127.0.0.1:0")) {
            receiveBuffer = probe.receiveBuffer
            requestedReceiveBuffer = probe.requestedReceiveBuffer
        }
        for text in addresses {
            guard let address = try? SocketAddress(text) else { continue }
            pathMTU[text] = AddressProbe.pathMTU(to: address)
        }
    }
}
