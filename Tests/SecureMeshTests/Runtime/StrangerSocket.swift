@testable internal import SecureMesh

extension SocketDescriptor {
    /// Opens a socket on 127.0.0.1, from which a test sends datagrams as a stranger.
    static func stranger() throws -> SocketDescriptor {
        try SocketDescriptor(bindingTo: SocketAddress(ip: .v4(0x7F00_0001), port: 0), isIPv6Only: false)
    }

    /// Sends a datagram.
    ///
    /// - Returns: False if the kernel did not accept the datagram.
    func sends(_ bytes: [UInt8], to remote: SocketAddress) -> Bool {
        if case .sent = send(bytes, to: remote) { true } else { false }
    }
}
