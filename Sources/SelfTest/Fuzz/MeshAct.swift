internal import MeshSimulator
internal import SecureMeshCore

/// The datagrams that a member, a stranger or the server can send next in a mesh of two members.
enum MeshAct {
    /// The kinds of these datagrams. PULSE, GOODBYE and MESSAGE are sent to the second member: the first two by the
    /// server, MESSAGE by the first member. The others are sent to the server: HELLO by a stranger.
    static let kinds: [Kind] = [.hello, .heartbeat, .leave, .pulse, .goodbye, .message]

    /// Makes the sender of a datagram of this kind send it, and returns the datagram instead of delivering it.
    static func perform(_ kind: Kind, in mesh: TestMesh, _ random: inout RandomSource) throws -> Flight {
        let members = mesh.peers
        var datagram: Flight?
        let destination = kind == .pulse || kind == .goodbye ? members[1].address : nil
        mesh.rules = [
            { flight in
                guard datagram == nil, flight.kind == kind, destination ?? flight.destination == flight.destination
                else { return nil }
                datagram = flight
                return .drop
            }
        ]
        switch kind {
        case .hello: try mesh.addPeer("stranger")
        case .leave: mesh.leave(0)
        case .goodbye: mesh.stopServer()
        case .message:
            let body = random.bytes(random.below(PeerMessage.ordinaryBody))
            _ = try mesh.with(members[0]) {
                try $0.broadcast(body, limit: PeerMessage.ordinaryBody, now: mesh.now)
            }
        // The timers send the others.
        default: break
        }
        mesh.run(atMost: ProtocolConstants.heartbeatInterval * 2) { datagram != nil }
        mesh.rules = []
        return try require(datagram, "\(kind): nothing is sent")
    }
}
