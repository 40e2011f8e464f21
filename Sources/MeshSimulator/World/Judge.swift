internal import SecureMeshCore

/// Watches a world and says what no mesh may ever do. Knows what was meant (who said what to whom, who was revoked when)
/// and sees what machines show from outside.
struct Judge {
    private(set) var failure: Failure?
    private let isClose: Bool
    private let trust: Duration
    private let lifetime: Duration
    private let interval: Duration
    /// No clock differs from another by more, in millionths.
    private let drift: Int
    private var messages: [Message] = []
    private var revokedAt: [Int: Instant] = [:]
    /// Proofs of life that have reached the server, by peer.
    private var lastProof: [Int: Instant] = [:]
    /// When the server last took a CONFIRM of each peer's.
    private var confirmedAt: [Int: Instant] = [:]
    /// Until then nobody is expired: the server slept, and its members could not be heard.
    private var expiresNobodyUntil = Instant(nanoseconds: 0)
    /// Since then the server has run without a break.
    private(set) var serverSteadySince = Instant(nanoseconds: 0)
    /// Sendings that a machine has accepted, a bit each, by id.
    private var accepted: [UInt64] = []
    private var served: (epoch: UInt64, version: UInt64) = (0, 0)

    struct Failure: Sendable {
        let reason: String
        let peers: [Int]
        let at: Instant
    }

    private struct Message {
        let sender: Int
        /// Nil: all.
        let audience: Int?
        let size: Int
        let sentAt: Instant
        var number: UInt64?
        /// A bit a peer.
        var receivers: [UInt64] = []
    }

    init(_ scenario: Scenario) {
        isClose = scenario.peers <= Scenario.closeScrutiny
        trust = scenario.trust
        lifetime = scenario.lifetime
        interval = scenario.heartbeat
        drift = 2 * scenario.drift
    }

    mutating func fail(_ reason: @autoclosure () -> String, peers: [Int] = [], now: Instant) {
        if failure == nil { failure = Failure(reason: reason(), peers: peers, at: now) }
    }

    // MARK: what arrives

    /// What a machine shows of its state.
    struct View: Hashable {
        let epoch: UInt64
        let version: UInt64
        let members: Int
        let deadline: Instant?
        let session: UInt64
        let isTrusted: Bool

        init(glance: Glance, session: UInt64, isTrusted: Bool) {
            (epoch, version, members, deadline) = (glance.epoch, glance.version, glance.members, glance.deadline)
            self.session = session
            self.isTrusted = isTrusted
        }
    }

    /// One datagram has been handled: `before` and `after` frame the call. Gives whether it was accepted.
    mutating func handled(
        _ flight: Flight, by peer: Int?, before: View?, after: View?, refusals: UInt64, last: Rejection?,
        answers: [Transmit], now: Instant
    ) -> Bool {
        let isAccepted = refusals == 0
        let involved = [peer, flight.senderIndex].compactMap(\.self)
        if let last, isClose, !isAccepted, !flight.isCopy, flight.isHonest, !hasAccepted(flight), last.isNeverHonest {
            fail("an honest \(flight.describedKind) was refused: \(last)", peers: involved, now: now)
        }
        if refusals > 1 { fail("one datagram was refused \(refusals) times", peers: involved, now: now) }
        if flight.isBroken {
            // A RETRY's cookie and tag are not signed: to flip them costs a HELLO, and nothing else.
            let isRetry = flight.kind == .retry && peer != nil
            let isAnswered = answers.allSatisfy {
                $0.bytes.count <= flight.bytes.count && $0.bytes[1] == Kind.retry.rawValue
            }
            if isAccepted, !isRetry, answers.isEmpty || !isAnswered {
                fail("a broken datagram was accepted: kind \(flight.describedKind)", peers: involved, now: now)
            }
            if !isRetry, before != after {
                fail("a broken datagram changed state: kind \(flight.describedKind)", peers: involved, now: now)
            }
        }
        // Refused for what it says, not for who says it: its counter is used up.
        if let last, !isAccepted, last == .deltaNotApplicable || last == .snapshotNotWanted {
            accept(flight)
        }
        guard isAccepted, let kind = flight.kind, kind.rawValue >= Kind.confirm.rawValue else { return isAccepted }
        if hasAccepted(flight) { fail("a \(kind) was accepted twice", peers: involved, now: now) }
        accept(flight)
        return true
    }

    /// Whether a copy of it has been accepted already, however long ago.
    func hasAccepted(_ flight: Flight) -> Bool {
        let word = Int(flight.id / 64)
        return accepted.count > word && accepted[word] & 1 << (flight.id % 64) != 0
    }

    private mutating func accept(_ flight: Flight) {
        let word = Int(flight.id / 64)
        if accepted.count <= word {
            accepted.append(contentsOf: repeatElement(0, count: word + 1 - accepted.count))
        }
        accepted[word] |= 1 << (flight.id % 64)
    }

    /// The server has answered; `room` is what it was sent. Nobody that is no member gets more than it sent, or unasked.
    mutating func answered(
        _ flight: Flight?, with answers: [Transmit], isMember: (SocketAddress) -> Bool, now: Instant
    ) {
        var bytes = 0
        for answer in answers where !isMember(answer.path.remote) {
            guard let flight, answer.path.remote == flight.source else {
                return fail("the server sent to \(answer.path.remote), which has not asked", now: now)
            }
            bytes += answer.bytes.count
        }
        if let flight, bytes > flight.bytes.count {
            fail("\(bytes) bytes to \(flight.source), which is no member, for \(flight.bytes.count)", now: now)
        }
    }

    mutating func sent(_ bytes: [UInt8], by peer: Int?, now: Instant) {
        guard isClose else { return }
        guard let header = try? Datagram(decoding: bytes.span).header else {
            return fail("sent what does not decode", peers: [peer].compactMap(\.self), now: now)
        }
        if header.kind != .message, bytes.count > ProtocolConstants.maximumDatagram {
            fail("sent a \(header.kind) of \(bytes.count) bytes", now: now)
        }
    }

    /// Nothing grows beyond its limit.
    mutating func check(_ usages: [Usage], of owner: Int?, now: Instant) {
        for usage in usages where !usage.isKept {
            let involved = [owner].compactMap(\.self)
            fail("\(usage.count) \(usage.name), and \(usage.limit) are the limit", peers: involved, now: now)
        }
    }

    // MARK: messages

    /// A body that names itself, for a message about to be sent.
    mutating func body(from sender: Int, to audience: Int?, size: Int, now: Instant) -> [UInt8] {
        var body: [UInt8] = []
        body.reserveCapacity(8 + size)
        body.append(bigEndian: UInt64(messages.count))
        body.append(zeros: size)
        messages.append(Message(sender: sender, audience: audience, size: size, sentAt: now))
        return body
    }

    /// The peer would not send it.
    mutating func withdrawLast() { messages.removeLast() }

    /// What `body` gave, whole.
    private static func isWhole(_ body: [UInt8], size: Int) -> Bool {
        body.count == 8 + size && body.dropFirst(8).allSatisfy { $0 == 0 }
    }

    /// Gives how long it was on its way. Whoever is deceived, by a server that lies, does not hear who was revoked.
    mutating func delivered(
        _ message: ReceivedMessage, from sender: Int?, named name: PeerName?, to receiver: Int, isDeceived: Bool,
        now: Instant
    ) -> Duration {
        var reader = ByteReader()
        guard let id = try? reader.uint64(message.body.span), id < messages.count, let sender else {
            fail("delivered a message that nobody sent", peers: [receiver], now: now)
            return .zero
        }
        let index = Int(id)
        let sent = messages[index]
        let involved = [receiver, sent.sender]
        if message.sender.name != name {
            fail("message \(id) was delivered under another name", peers: involved, now: now)
        }
        if !Self.isWhole(message.body, size: sent.size) {
            fail("message \(id) was delivered with another body", peers: involved, now: now)
        }
        if sent.sender != sender { fail("message \(id) was delivered as another's", peers: involved, now: now) }
        if message.isBroadcast != (sent.audience == nil) || sent.audience ?? receiver != receiver {
            fail("message \(id) was delivered to one whom it was not for", peers: involved, now: now)
        }
        if sent.number ?? message.number != message.number {
            fail("message \(id) has two numbers", peers: involved, now: now)
        }
        messages[index].number = message.number
        let word = receiver / 64
        if messages[index].receivers.count <= word {
            messages[index].receivers.append(
                contentsOf: repeatElement(0, count: word + 1 - messages[index].receivers.count))
        }
        let bit: UInt64 = 1 << UInt64(receiver % 64)
        if messages[index].receivers[word] & bit != 0 {
            fail("message \(id) was delivered twice", peers: involved, now: now)
        }
        messages[index].receivers[word] |= bit
        if !isDeceived, isBeyondTrust(sender, diedAt: nil, now: now), let revoked = revokedAt[sender] {
            fail("message \(id) was delivered \(now - revoked) after its sender was revoked", peers: involved, now: now)
        }
        return now - sent.sentAt
    }

    /// Whether one who was revoked, or died, ought to be trusted by nobody any more.
    func isBeyondTrust(_ peer: Int, diedAt: Instant?, now: Instant) -> Bool {
        if let revoked = revokedAt[peer] { return now - revoked > stretched(trust) }
        guard let diedAt else { return false }
        return now - max(diedAt, serverSteadySince) > patience + stretched(trust)
    }

    func hasReached(_ receiver: Int, message index: Int) -> Bool {
        let word = receiver / 64
        return messages[index].receivers.count > word
            && messages[index].receivers[word] & 1 << UInt64(receiver % 64) != 0
    }

    var lastMessage: Int { messages.count - 1 }

    // MARK: membership

    mutating func revoked(_ peer: Int, now: Instant) { revokedAt[peer] = revokedAt[peer] ?? now }
    mutating func authorised(_ peer: Int) { revokedAt[peer] = nil }
    mutating func serverDisturbed(now: Instant) {
        serverSteadySince = now
        lastProof = [:]
    }

    /// It goes on after a sleep of `duration`: a sweep that comes late suspends expiry for a lifetime.
    mutating func serverWoke(after duration: Duration, now: Instant) {
        serverDisturbed(now: now)
        if duration > ProtocolConstants.sweepInterval * 2 + .milliseconds(10) {
            expiresNobodyUntil = now + shrunk(lifetime)
        }
    }

    /// To its clock that much of any rest has passed.
    mutating func serverJumped(by duration: Duration, now: Instant) {
        expiresNobodyUntil = expiresNobodyUntil - duration
        serverWoke(after: duration, now: now)
    }

    mutating func confirmed(_ peer: Int, now: Instant) {
        confirmedAt[peer] = now
        proof(of: peer, now: now)
    }

    mutating func proof(of peer: Int, now: Instant) { lastProof[peer] = now }

    /// Nobody is given up for dead who has proved within the lifetime that it lives: true if one was.
    mutating func expired(_ peer: Int, now: Instant) -> Bool {
        if now < expiresNobodyUntil { fail("expired by a server that has just slept", peers: [peer], now: now) }
        guard let proof = lastProof[peer], now - proof < shrunk(lifetime) else { return false }
        fail("expired \(now - proof) after a proof of life", peers: [peer], now: now)
        return true
    }

    /// A session ends of age when it is that old, and not before.
    mutating func tooOld(_ peer: Int, after age: Duration, now: Instant) {
        guard let begin = confirmedAt[peer], begin >= serverSteadySince, now - begin < shrunk(age) else { return }
        fail("ended of age after \(now - begin)", peers: [peer], now: now)
    }

    /// Who gave no sign of life since then is no member now.
    func latestSign(now: Instant) -> Instant {
        now - serverSteadySince > patience ? now - patience : Instant(nanoseconds: 0)
    }

    /// What the server has published; a process of its own has an epoch of its own.
    mutating func published(_ version: UInt64, epoch: UInt64, now: Instant) {
        let before = served
        if epoch == before.epoch, version < before.version {
            fail("the server went back from version \(before.version) to \(version)", now: now)
        }
        served = (epoch, version)
    }

    /// Trust counts from the sending of what the server has heard: false if a peer trusts for longer.
    mutating func checkTrust(of peer: Int, heardAt: Instant?, now: Instant) -> Bool {
        if let heardAt, now - heardAt <= stretched(trust) { return true }
        let age = heardAt.map { "\(now - $0) after the sending of what the server has last heard" } ?? "though unheard"
        fail("trusts its directory \(age)", peers: [peer], now: now)
        return false
    }

    /// How long after its last word a dead process may still be a member, once the server runs without a break: its
    /// heartbeats may have been held back for a lifetime, and are missed for another, until the next sweep.
    var patience: Duration { stretched(lifetime * 2 + ProtocolConstants.sweepInterval) }

    /// The directory as one has it: nothing in it stands twice.
    mutating func check(_ members: [Member], of owner: Int?, now: Instant) {
        let involved = [owner].compactMap(\.self)
        if Set(members.map(\.name)).count < members.count { fail("a name stands twice", peers: involved, now: now) }
        if Set(members.map(\.publicKey)).count < members.count {
            fail("an identity stands twice", peers: involved, now: now)
        }
        if Set(members.map(\.address)).count < members.count {
            fail("an address stands twice", peers: involved, now: now)
        }
    }

    /// A process that died or was revoked at `since` is a member of nobody's for ever: the server gives it up in its
    /// `patience`, and whoever has not heard of that loses trust.
    mutating func checkGone(
        _ peer: Int, since: Instant, isMember: Bool, trusting: () -> Int?, now: Instant
    ) {
        // A CONFIRM that was under way when it died may bring it in once more, as late as its ticket allows.
        let begin = max(since, serverSteadySince, confirmedAt[peer] ?? since)
        if isMember, now - begin > patience {
            fail("still a member \(now - begin) after its end", peers: [peer], now: now)
        }
        if now - begin > patience + stretched(trust), let other = trusting() {
            fail("still trusted \(now - begin) after its end", peers: [peer, other], now: now)
        }
    }

    private func stretched(_ duration: Duration) -> Duration {
        duration + duration / 1_000_000 * drift + .milliseconds(2)
    }

    private func shrunk(_ duration: Duration) -> Duration {
        duration - duration / 1_000_000 * drift - .milliseconds(2)
    }
}
