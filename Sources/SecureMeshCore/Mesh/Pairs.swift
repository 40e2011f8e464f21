/// The keys between one session of this peer and the sessions of other members (PROTOCOL.md, section 7).
///
/// There is no handshake: the directory has both ephemeral keys. Each is bound by its owner's HELLO signature, which is
/// verified here before first use, so the server cannot swap them. A pair's state lives exactly as long as its two
/// sessions. It is never made again, even if the server lists an ended session, so no counter or window is ever reset.
package struct Pairs: Sendable {
    private let identity: LocalIdentity
    private let messageLimits: MessageLimits
    private let limit: Int
    private var inbound: [SessionID: InboundPair] = [:]
    private var outbound: [SessionID: SecureChannel] = [:]
    /// Sessions whose entries cannot be used: their signature or key is wrong. They are not tried again.
    private var badBindings: Set<SessionID> = []
    /// Ended sessions with which this peer had keys. If the server lists one again, its nonces must not be used again.
    private var retiredSessions: Set<SessionID> = []
    /// Senders' sessions that were replaced, in the order of the instants until which their messages are accepted.
    private var replacedSenders: [(session: SessionID, until: Instant)] = []
    /// The keys with senders of which no datagram has been opened yet. Anyone who knows the directory can cause these
    /// to be computed, so their limit is lower than that of `inbound`. They have no state: if one is evicted, only the
    /// CPU time for it is lost.
    private var unproven = BoundedTable<SessionID, Secret32>(limit: Limits.unprovenPairs)
    private var agreements = RateLimiter()
    private var strayAgreements = RateLimiter()
    private var answerAgreements = RateLimiter()
    /// The bytes of the messages of all senders.
    private var totalBytes = RateLimiter()

    /// - Parameters:
    ///   - messageLimits: The rates at which messages are accepted.
    ///   - limit: The largest number of ended sessions that are remembered.
    package init(identity: LocalIdentity, messageLimits: MessageLimits, limit: Int = Limits.retiredSessions) {
        self.identity = identity
        self.messageLimits = messageLimits
        self.limit = limit
    }

    /// The size and the limit of each table. Replaced senders also count as ended pairs.
    package var usages: [Usage] {
        [
            Usage("ended pairs", retiredSessions.count, limit: limit),
            Usage("senders", inbound.count, limit: Limits.directoryEntries + limit),
            Usage("unproven senders", unproven.count, limit: Limits.unprovenPairs),
            Usage("receivers", outbound.count, limit: Limits.directoryEntries),
            Usage("entries with a bad binding", badBindings.count, limit: Limits.directoryEntries),
            Usage("replaced senders", replacedSenders.count, limit: limit),
        ]
    }

    /// True if no more ended sessions can be remembered. This peer must then join again before it can compute keys with
    /// further sessions.
    package var isExhausted: Bool { retiredSessions.count >= limit }

    /// The instant at which `expire` next has something to do.
    package var deadline: Instant? { replacedSenders.first?.until }

    /// Seals `payload` for the session of `entry`.
    package mutating func seal(
        _ payload: SignedPayload, for entry: Entry, charging budget: inout SealBudget
    ) throws(SealError) -> [UInt8] {
        budget.spend(Limits.sealCost + Int64(payload.plaintext.count) * Limits.sealedByteCost)
        let sealed: [UInt8]?
        if let index = outbound.index(forKey: entry.session) {
            sealed = outbound.values[index].seal(payload, to: entry.session.rawValue)
        } else {
            do throws(PairError) {
                try check(entry.session)
                budget.spend(Limits.pairCost)
                let key = try key(with: entry, isSending: true)
                var channel = SecureChannel(receiveKey: key, sendKey: key)
                sealed = channel.seal(payload, to: entry.session.rawValue)
                outbound[entry.session] = channel
            } catch {
                throw .noKey(error)
            }
        }
        guard let sealed else { throw .counterExhausted }
        return sealed
    }

    /// Admits a MESSAGE. Gates: sender in the directory → key → those of `InboundPair`.
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

    /// Admits an ACK. The gates are those of a MESSAGE.
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

    /// Returns the index of the pair with the sender of `datagram`; nil if no datagram of that sender has been opened.
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

    /// Adds a new pair once a seal has opened with it.
    private mutating func keep(_ pair: InboundPair) {
        guard pair.hasOpened else { return }
        inbound[pair.entry.session] = pair
        unproven.remove(pair.entry.session)
    }

    /// Ends the pair with another member's session.
    ///
    /// - Parameter wasReplaced: True if the member has a newer session. Messages already on their way are then accepted
    ///   for 5 s more.
    package mutating func end(_ session: SessionID, wasReplaced: Bool, now: Instant) {
        badBindings.remove(session)
        unproven.remove(session)
        let isReceiver = outbound.removeValue(forKey: session) != nil
        let sender = inbound.index(forKey: session)
        if isReceiver || sender != nil { retiredSessions.insert(session) }
        guard let sender else { return }
        if !wasReplaced {
            inbound.remove(at: sender)
        } else if inbound.values[sender].until == nil {
            let until = now + ProtocolConstants.pairLingering
            inbound.values[sender].until = until
            replacedSenders.append((session, until))
        }
    }

    /// Removes the replaced sessions of senders once the 5 s for late messages are over.
    package mutating func expire(now: Instant) {
        let over = replacedSenders.prefix { $0.until <= now }
        for (session, _) in over { inbound[session] = nil }
        replacedSenders.removeFirst(over.count)
    }

    /// Returns a pair with a sender that has no pair yet, and makes its key if necessary.
    ///
    /// The datagram is not authenticated yet, so three buckets limit the new keys. A member that sends garbage in the
    /// names of all others uses up only the bucket for datagrams from unexpected addresses. If it forges the addresses
    /// too, each forged sender costs only one token, because the key is remembered.
    private mutating func meet(
        _ session: UInt64, at source: SocketAddress, held directory: some MemberLookup, now: Instant
    ) throws(Rejection) -> InboundPair {
        guard let sender = SessionID(rawValue: session), let entry = directory[sender],
            entry.identity != identity.publicKey
        else { throw .unknownSender }
        do throws(PairError) { try check(sender) } catch { throw Rejection(error) }
        if let key = unproven[sender] { return InboundPair(entry: entry, key: key) }
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
            let key = try key(with: entry, isSending: false)
            unproven.set(key, for: sender)
            return InboundPair(entry: entry, key: key)
        } catch {
            throw Rejection(error)
        }
    }

    /// Refuses sessions that cannot have a key, before anything is computed.
    private func check(_ session: SessionID) throws(PairError) {
        guard !badBindings.contains(session) else { throw .bindingInvalid }
        guard !retiredSessions.contains(session) else { throw .sessionRetired }
        guard !isExhausted else { throw .pairsExhausted }
    }

    private mutating func key(with entry: Entry, isSending: Bool) throws(PairError) -> Secret32 {
        guard identity.context.isBound(entry) else {
            badBindings.insert(entry.session)
            throw .bindingInvalid
        }
        guard let key = identity.key(with: entry, isSending: isSending) else {
            badBindings.insert(entry.session)
            throw .agreementFailed
        }
        return key
    }
}
