internal import SecureMeshCore

/// Who comes and goes at the server, and whether that is right.
extension World {
    func noteJoined(_ member: Member) {
        let peer = indices[member.publicKey]
        let isRevoked = peer.map { peers[$0].isRevoked } ?? false
        tellAttackers(
            .joined(
                Fact.Arrival(
                    member: member, at: now, serverSteadySince: judge.serverSteadySince, isRevoked: isRevoked)))
        guard let peer else { return }
        tell([peer], "joined")
        recorder.joined(peer, now: now)
        if isRevoked { judge.fail("a revoked peer was let in", peers: [peer], now: now) }
    }

    /// `flight`: what the server has just handled.
    func noteLeft(_ member: Member, _ departure: Departure, after flight: Flight?) {
        let peer = indices[member.publicKey]
        let isWrong = departure == .expired ? peer.map { judge.expired($0, now: now) } ?? false : false
        tellAttackers(
            .left(
                Fact.Parting(
                    member: member, at: now, departure: departure, diedAt: peer.flatMap { peers[$0].diedAt },
                    isWrong: isWrong, latestSign: judge.latestSign(now: now))))
        guard let peer else { return }
        tell([peer], "left: \(departure)")
        recorder.left(peer, departure, now: now)
        if let wrong = wrong(departure, of: peer, after: flight) { judge.fail(wrong, peers: [peer], now: now) }
        if departure == .tooOld { judge.tooOld(peer, after: scenario.rekey + ProtocolConstants.rekeyGrace, now: now) }
    }

    /// What is wrong with the reason that a member is gone for.
    private func wrong(_ departure: Departure, of peer: Int, after flight: Flight?) -> String? {
        switch departure {
        case .misbehaved: "an honest peer was taken for a cheat"
        case .left where !peers[peer].hasLeft: "gone as if it had left, and it has not"
        case .replaced where flight?.kind != .confirm || flight?.senderIndex != peer:
            "replaced without a CONFIRM of its own"
        case .revoked where !peers[peer].isRevoked: "gone as revoked, and it is not"
        case .stopping where !isStopping: "gone with a server that goes on"
        case .left, .replaced, .revoked, .stopping, .expired, .tooOld: nil
        }
    }

    /// A key that is gone from the list is out at once.
    func checkTheRoster() {
        for member in server.machine.members {
            guard let peer = indices[member.publicKey], peers[peer].isRevoked else { continue }
            judge.fail("revoked, and still a member", peers: [peer], now: now)
        }
    }
}
