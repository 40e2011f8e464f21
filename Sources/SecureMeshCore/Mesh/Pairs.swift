/// The keys between one session of this peer and the sessions of other members (PROTOCOL.md, section 7).
///
/// No handshake is needed, because the directory has the ephemeral key of each member, and the signature with which the
/// member confirms this key (the binding). This peer verifies the binding before it first uses the key, so a server
/// cannot replace the key. If a session has ended, this peer never makes the session's keys again, even if the server
/// lists the session again. So no counter and no replay window is ever reset.
package struct Pairs: Sendable {
    let identity: LocalIdentity
    private let messageLimits: MessageLimits
    private let limit: Int
    private var inbound: [SessionID: InboundPair] = [:]
    private var outbound: [SessionID: OutboundPair] = [:]
    /// The hashes of directory entries that cannot be used, because their binding or their ephemeral key is invalid.
    /// This peer does not try them again.
    private var badBindings: [SessionID: Bytes32] = [:]
    /// Ended sessions with which this peer had keys. Even if the server lists such a session again, this peer makes no
    /// keys with it, because the nonces would repeat. Only the key for receiving from a stranger in `replaced` may
    /// still be made, if this peer had no more than the key for sending.
    private var retiredSessions: Set<SessionID> = []
    private var replaced = ReplacedSenders()
    /// The keys for senders from which this peer has not decrypted any datagram yet. Anyone who knows the directory can
    /// cause such keys to be computed, so the limit of this table is lower than that of `inbound`. A key has no counter
    /// and no replay window. If a key is evicted, only the CPU time to compute it is lost.
    private var unproven = BoundedTable<SessionID, UnprovenKey>(limit: Limits.unprovenPairs)
    private var agreements = RateLimiter()
    private var strayAgreements = RateLimiter()
    private var answerAgreements = RateLimiter()
    /// Limits the bytes of the messages of all senders together.
    private var totalBytes = RateLimiter()

    /// - Parameters:
    ///   - messageLimits: The rates at which messages are accepted.
    ///   - limit: The largest number of ended sessions that are remembered.
    package init(identity: LocalIdentity, messageLimits: MessageLimits, limit: Int = Limits.retiredSessions) {
        self.identity = identity
        self.messageLimits = messageLimits
        self.limit = limit
    }

    /// The current size and the limit of each table. A pair counts as ended as soon as the member has a newer session,
    /// although this peer still accepts late messages of the old session.
    package var usages: [Usage] {
        [
            Usage("ended pairs", retiredSessions.count, limit: limit),
            Usage("senders", inbound.count, limit: Limits.directoryEntries + limit),
            Usage("unproven senders", unproven.count, limit: Limits.unprovenPairs),
            Usage("receivers", outbound.count, limit: Limits.directoryEntries),
            Usage("entries with a bad binding", badBindings.count, limit: Limits.directoryEntries),
            Usage("replaced senders", replaced.count, limit: limit + Limits.replacedStrangers),
            Usage("replaced strangers", replaced.strangerCount, limit: Limits.replacedStrangers),
        ]
    }

    /// True if the number of remembered ended sessions has reached its limit. This peer must then join again before it
    /// can make keys with further sessions.
    package var isExhausted: Bool { retiredSessions.count >= limit }

    /// The instant at which `expire` is to be called next; nil if no sender's session was replaced in the last 5 s.
    package var deadline: Instant? { replaced.deadline }

    /// Seals `payload` for the session of `entry`, and returns the datagram. Subtracts the estimated CPU time from
    /// `budget`.
    ///
    /// - Throws: `SealError.noKey` if there is no key for this member and none may be made; `.counterExhausted` if all
    ///   counters below 2^48 are used up.
    package mutating func seal(
        _ payload: SignedPayload, for entry: Entry, charging budget: inout SealBudget
    ) throws(SealError) -> [UInt8] {
        budget.spend(Limits.sealCost + Int64(payload.plaintext.count) * Limits.sealedByteCost)
        if let index = outbound.index(forKey: entry.session) {
            return try outbound.values[index].seal(payload, for: entry)
        }
        var pair: OutboundPair
        do throws(PairError) {
            try check(entry)
            budget.spend(Limits.pairCost)
            pair = OutboundPair(with: entry, key: try key(with: entry, isSending: true))
        } catch {
            throw .noKey(error)
        }
        defer { outbound[entry.session] = pair }
        return try pair.seal(payload, for: entry)
    }

    /// Admits a MESSAGE if it passes these checks, in this order: the directory lists its sender's session, there is a
    /// key for the sender, and the checks of `InboundPair` pass. A replaced session counts as listed as long as its
    /// late messages are accepted.
    ///
    /// - Parameter source: The address that the datagram came from.
    package mutating func admitMessage(
        _ span: Span<UInt8>, _ datagram: Datagram, from source: SocketAddress, held directory: some MemberLookup,
        now: Instant
    ) throws(Rejection) -> AdmittedMessage {
        if let index = knownSender(of: datagram, held: directory, now: now) {
            return try inbound.values[index].admitMessage(
                span, datagram, as: identity, limits: messageLimits, total: &totalBytes, now: now)
        }
        var pair = try meet(datagram.header.from, at: source, held: directory, now: now)
        defer { keep(pair) }
        return try pair.admitMessage(
            span, datagram, as: identity, limits: messageLimits, total: &totalBytes, now: now)
    }

    /// Admits an ACK. The checks are those of `admitMessage`, except that an ACK counts toward a limit of its own.
    package mutating func admitAcknowledgment(
        _ span: Span<UInt8>, _ datagram: Datagram, from source: SocketAddress, held directory: some MemberLookup,
        now: Instant
    ) throws(Rejection) -> AdmittedAcknowledgment {
        if let index = knownSender(of: datagram, held: directory, now: now) {
            return try inbound.values[index].admitAcknowledgment(
                span, datagram, as: identity, rate: messageLimits.messages, now: now)
        }
        var pair = try meet(datagram.header.from, at: source, held: directory, now: now)
        defer { keep(pair) }
        return try pair.admitAcknowledgment(
            span, datagram, as: identity, rate: messageLimits.messages, now: now)
    }

    /// Returns the index in `inbound` of the pair with the sender of `datagram`. Returns nil if this peer has decrypted
    /// no datagram of the sender's session yet, or does not accept messages of that session any more.
    private mutating func knownSender(
        of datagram: Datagram, held directory: some MemberLookup, now: Instant
    ) -> Dictionary<SessionID, InboundPair>.Index? {
        guard let from = SessionID(rawValue: datagram.header.from), let index = inbound.index(forKey: from) else {
            return nil
        }
        if !inbound.values[index].isOver(directory, now: now) { return index }
        inbound.remove(at: index)
        return nil
    }

    /// Stores a new pair in `inbound`. Does nothing if no datagram has been decrypted with the pair's key yet.
    private mutating func keep(_ pair: InboundPair) {
        guard pair.hasOpened else { return }
        let session = pair.entry.session
        inbound[session] = pair
        unproven.remove(session)
        replaced.removeStranger(session)
        // The pair of a replaced session has ended already.
        if pair.until != nil { retiredSessions.insert(session) }
    }

    /// Ends the pair with another member's session.
    ///
    /// - Parameter entry: The directory entry of the session if the member has a newer session; nil otherwise. Messages
    ///   of the old session may still be on their way, so they are accepted for 5 s more.
    package mutating func end(_ session: SessionID, replaced entry: SharedEntry?, now: Instant) {
        let wasUsable = badBindings.removeValue(forKey: session) == nil && !retiredSessions.contains(session)
        unproven.remove(session)
        let isReceiver = outbound.removeValue(forKey: session) != nil
        let sender = inbound.index(forKey: session)
        if isReceiver || sender != nil { retiredSessions.insert(session) }
        guard let entry else {
            replaced.removeStranger(session)
            if let sender { inbound.remove(at: sender) }
            return
        }
        if let sender {
            guard inbound.values[sender].until == nil else { return }
            inbound.values[sender].until = replaced.insert(session, now: now)
        } else if wasUsable {
            replaced.insert(stranger: entry, now: now)
        }
    }

    /// Removes the senders' sessions that newer sessions replaced at least 5 s ago. Late messages of these old sessions
    /// are not accepted any more.
    package mutating func expire(now: Instant) {
        for session in replaced.expire(now) {
            // A lying server can list the session again. The pair then goes on, because its replay window must not be
            // lost.
            if let until = inbound[session]?.until, until <= now { inbound[session] = nil }
            unproven.remove(session)
        }
    }

    /// Returns a new pair for a sender that is not in `inbound`. Computes the pair's key unless the key is in
    /// `unproven`.
    ///
    /// The sender's datagram is not authenticated yet, so three rate limits bound the number of keys that are computed:
    /// for members to which this peer has sent, for datagrams from the address in the sender's entry, and for all other
    /// datagrams. A member that sends garbage in the names of all others uses up only the third limit. If this member
    /// forges the source addresses too, each forged sender costs only one token, because the sender's key is stored in
    /// `unproven`.
    private mutating func meet(
        _ session: UInt64, at source: SocketAddress, held directory: some MemberLookup, now: Instant
    ) throws(Rejection) -> InboundPair {
        guard let sender = SessionID(rawValue: session),
            let (entry, until) = self.sender(sender, held: directory, now: now),
            entry.identity != identity.publicKey
        else { throw .unknownSender }
        let isReplaced = until != nil
        do throws(PairError) { try check(entry, isReplaced: isReplaced) } catch { throw Rejection(error) }
        // A lying server can list the session again with another entry, whose binding has not been verified.
        if let known = unproven[sender], known.entry == entry {
            return InboundPair(entry: entry, key: known.key, until: until)
        }
        // A member that this peer sends to is expected to answer.
        let isInTime =
            if outbound[sender] != nil {
                answerAgreements.accept(Limits.answerAgreementRate, now: now)
            } else if source == entry.address {
                agreements.accept(Limits.agreementRate, now: now)
            } else {
                strayAgreements.accept(Limits.strayAgreementRate, now: now)
            }
        guard isInTime else { throw .agreementOverRate }
        do throws(PairError) {
            let key = try key(with: entry, isSending: false, isReplaced: isReplaced)
            unproven.set(UnprovenKey(entry: entry, key: key), for: sender)
            return InboundPair(entry: entry, key: key, until: until)
        } catch {
            throw Rejection(error)
        }
    }

    /// Returns the entry of a session from which messages are accepted, and the end of this acceptance if the session
    /// was replaced. Returns nil if messages of the session are not accepted.
    private func sender(
        _ session: SessionID, held directory: some MemberLookup, now: Instant
    ) -> (entry: Entry, until: Instant?)? {
        if let entry = directory[session] { return (entry, nil) }
        guard let (entry, until) = replaced.stranger(session, now: now), directory.lists(entry.identity) else {
            return nil
        }
        return (entry, until)
    }

    /// Throws an error if no key may be made with the session. This check comes first, because it computes no key.
    ///
    /// - Parameter isReplaced: True if the key is for receiving from a replaced session. Even if this peer sent to that
    ///   session, it has not made this key before.
    private func check(_ entry: Entry, isReplaced: Bool = false) throws(PairError) {
        if let bad = badBindings[entry.session], bad == entry.hash { throw .bindingInvalid }
        guard isReplaced || !retiredSessions.contains(entry.session) else { throw .sessionRetired }
        guard !isExhausted else { throw .pairsExhausted }
    }

    private mutating func key(
        with entry: Entry, isSending: Bool, isReplaced: Bool = false
    ) throws(PairError) -> Secret32 {
        guard identity.context.isBound(entry) else {
            noteBad(entry, isReplaced: isReplaced)
            throw .bindingInvalid
        }
        guard let key = identity.key(with: entry, isSending: isSending) else {
            noteBad(entry, isReplaced: isReplaced)
            throw .agreementFailed
        }
        return key
    }

    /// Notes that an entry cannot be used, so that it is not tried again.
    private mutating func noteBad(_ entry: Entry, isReplaced: Bool) {
        if isReplaced {
            replaced.removeStranger(entry.session)
        } else {
            badBindings[entry.session] = entry.hash
        }
    }
}

/// A key with a sender from which no datagram has been decrypted yet, and the directory entry for which it was made.
/// The binding of this entry has been verified.
private struct UnprovenKey: Sendable {
    let entry: Entry
    let key: Secret32
}
