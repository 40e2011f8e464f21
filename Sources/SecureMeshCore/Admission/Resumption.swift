/// The members that a server has kept across a restart, as long as they have not confirmed new keys (PROTOCOL.md,
/// section 5.10).
///
/// Each of these members is sent a RESUME, which is repeated byte for byte until the CONFIRM arrives. The first RESUMEs
/// are spread over time, because each of them takes about 150 µs of CPU time.
package struct Resumption: Sendable {
    private struct Offer: Sendable {
        let ticket: Ticket
        let sentAt: Instant
    }

    private let signer: Signer
    private let body: Resume
    private let begunAt: Instant
    /// The members that have not been sent a RESUME yet.
    private var waiting: ArraySlice<(member: Entry, path: Path)>
    private var nextOffer: Instant
    /// The instant at which `poll` is to be called next; nil if no RESUME is planned.
    private(set) package var deadline: Instant?
    private var offers: [SessionID: Offer] = [:]
    /// The session of each member that has not confirmed, by the address of the member.
    private var sessions: [SocketAddress: SessionID] = [:]
    /// The repeats that are due, one list per element of `ProtocolConstants.resumeRepeats`, each in the order of time.
    private var repeats: [ArraySlice<(session: SessionID, at: Instant)>]
    /// The instant from which on the members that have not confirmed are given up; nil after they were given up, and if
    /// there were no members. As long as members wait for their first RESUME, it moves on.
    private var endsAt: Instant?

    /// - Parameters:
    ///   - signer: The server's signer, whose `from` is the new epoch.
    ///   - body: The payload of RESUME. Each RESUME gets a token of its own.
    ///   - members: The kept members that can be reached, each with the path of the datagrams to it.
    ///   - count: The number of all kept members.
    package init(signer: Signer, body: Resume, members: [(member: Entry, path: Path)], of count: Int, now: Instant) {
        self.signer = signer
        self.body = body
        begunAt = now
        waiting = members[...]
        nextOffer = now
        repeats = ProtocolConstants.resumeRepeats.map { _ in [] }
        endsAt = count == 0 ? nil : now + ProtocolConstants.returnPeriod
        deadline = members.isEmpty ? nil : now
        for (entry, _) in members { sessions[entry.address] = entry.session }
    }

    package var usage: Usage { Usage("members to resume", sessions.count, limit: Limits.directoryEntries) }

    /// Returns the server's view of a member that has not confirmed: nothing has come from it since the start.
    package func standing(_ now: Instant) -> MemberStanding {
        MemberStanding(silence: now - begunAt, isLate: true, sent: 0, received: 0)
    }

    /// Returns true if a HELLO from `address` is not served yet, because RESUME may still reach the member at this
    /// address.
    package func mayReach(_ address: SocketAddress, now: Instant) -> Bool {
        guard let session = sessions[address] else { return false }
        return offers[session].map { now < $0.sentAt + ProtocolConstants.resumePatience } ?? true
    }

    /// Returns true if the member with this session may confirm its keys from `address`.
    package func isPending(_ session: SessionID, at address: SocketAddress) -> Bool {
        offers[session]?.ticket.path.remote == address
    }

    package func ticket(of session: SessionID) -> Ticket? { offers[session]?.ticket }

    /// Forgets a member that has confirmed, whose CONFIRM had a wrong signature, or whose session has ended.
    package mutating func remove(_ entry: Entry) {
        offers[entry.session] = nil
        if sessions[entry.address] == entry.session { sessions[entry.address] = nil }
    }

    /// Returns the RESUMEs that are due.
    package mutating func poll(random: inout RandomSource, now: Instant) -> [Transmit] {
        guard let deadline, deadline <= now else { return [] }
        var due: [Transmit] = []
        defer { self.deadline = Instant.earliest([waiting.isEmpty ? nil : nextOffer] + repeats.map { $0.first?.at }) }
        for index in repeats.indices {
            while let next = repeats[index].first, next.at <= now {
                repeats[index].removeFirst()
                guard let offer = offers[next.session] else { continue }
                due.append(Transmit(path: offer.ticket.path, bytes: offer.ticket.offer))
                schedule(index + 1, next.session, now)
            }
        }
        guard !waiting.isEmpty, nextOffer <= now else { return due }
        for (entry, path) in waiting.prefix(Limits.resumeSlice) where sessions[entry.address] == entry.session {
            guard let ticket = offer(to: entry, at: path, random: &random, now: now) else {
                remove(entry)
                continue
            }
            offers[entry.session] = Offer(ticket: ticket, sentAt: now)
            due.append(Transmit(path: path, bytes: ticket.offer))
            schedule(0, entry.session, now)
        }
        waiting.removeFirst(min(Limits.resumeSlice, waiting.count))
        nextOffer = now + Limits.resumeGap
        endsAt = now + ProtocolConstants.returnPeriod
        return due
    }

    private mutating func schedule(_ index: Int, _ session: SessionID, _ now: Instant) {
        guard repeats.indices.contains(index) else { return }
        let previous = index == 0 ? .zero : ProtocolConstants.resumeRepeats[index - 1]
        repeats[index].append((session, now + ProtocolConstants.resumeRepeats[index] - previous))
    }

    /// Returns true once, when the members that have not confirmed are to be given up. Call this only after a drain,
    /// because a CONFIRM may wait in a socket.
    package mutating func isOver(_ now: Instant) -> Bool {
        guard let end = endsAt, end <= now else { return false }
        endsAt = nil
        waiting = []
        offers = [:]
        sessions = [:]
        repeats = repeats.map { _ in [] }
        deadline = nil
        return true
    }

    /// Makes the RESUME for a member. The server's ephemeral secret, e_s, exists only during this call.
    ///
    /// - Returns: The handshake that waits for the CONFIRM; nil if a shared secret is zero.
    private func offer(to entry: Entry, at path: Path, random: inout RandomSource, now: Instant) -> Ticket? {
        let (context, primitives, server) = (signer.context, signer.context.primitives, signer.key.publicKey)
        let secret = random.secret()
        guard let d1 = primitives.agree(signer.key, entry.agreementKey),
            let d2 = primitives.agree(secret, entry.agreementKey)
        else { return nil }
        let publicKey = primitives.publicKey(of: secret)
        let transcript = context.resumeTranscript(
            server: server, session: entry.session, epoch: signer.from, member: entry.agreementKey, last: publicKey)
        var body = body
        body.token = random.next()
        let signed = signer.sign(.resume(ephemeral: publicKey), body, extra: .transcript(transcript))
        let sealed = signed.sealed(
            to: entry.session.rawValue, counter: 0,
            with: Handshake.resumeKey(d1: d1, d2: d2, transcript: transcript))
        return Ticket(
            entry: entry, path: path, token: body.token,
            keys: Handshake.sessionKeys(
                d1: d1, d2: d2, transcript: transcript, session: entry.session, epoch: signer.from),
            created: now, tag: 0, offer: sealed)
    }
}
