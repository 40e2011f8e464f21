internal import MeshSimulator
internal import SecureMeshCore

/// A datagram that a member, a stranger or the server can send next in a mesh of two members.
enum MeshAct: CaseIterable {
    /// Datagrams to the server. A stranger sends `hello`; a member sends `heartbeat` and `leave`.
    case hello, heartbeat, leave
    /// Datagrams to the second member. The server sends `pulse` and `goodbye`; the first member sends `message`.
    case pulse, goodbye, message

    private var kind: Kind {
        switch self {
        case .hello: .hello
        case .heartbeat: .heartbeat
        case .leave: .leave
        case .pulse: .pulse
        case .goodbye: .goodbye
        case .message: .message
        }
    }

    /// Makes the sender of this datagram send it, and returns the datagram instead of delivering it.
    func perform(in mesh: TestMesh, _ random: inout RandomSource) throws -> Flight {
        let members = mesh.peers
        var datagram: Flight?
        let destination = self == .pulse || self == .goodbye ? members[1].address : nil
        mesh.rules = [
            { flight in
                guard datagram == nil, flight.kind == kind, destination ?? flight.destination == flight.destination
                else { return nil }
                datagram = flight
                return .drop
            }
        ]
        switch self {
        case .hello: try mesh.addPeer("stranger")
        case .heartbeat, .pulse: break
        case .leave: mesh.leave(0)
        case .goodbye: mesh.stopServer()
        case .message:
            let body = random.bytes(random.below(PeerMessage.ordinaryBody))
            _ = try mesh.with(members[0]) {
                try $0.broadcast(body, limit: PeerMessage.ordinaryBody, now: mesh.now)
            }
        }
        mesh.run(atMost: ProtocolConstants.heartbeatInterval * 2) { datagram != nil }
        mesh.rules = []
        return try require(datagram, "\(self): nothing is sent")
    }
}
