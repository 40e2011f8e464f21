internal import MeshSimulator
internal import SecureMeshCore

/// A datagram that one of two members, a stranger or the server may send next.
enum MeshAct: CaseIterable {
    /// Datagrams to the server: from a stranger, and from the first member.
    case hello, heartbeat, leave
    /// Datagrams to the second member: from the server, and from the first member.
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

    /// Makes its sender send the datagram. Returns it before it has been delivered.
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
