/// A peer's sessions with its server: the one in use, the one being opened, and the one before (PROTOCOL.md, 5 to 7).
///
/// none → candidate (`open`: WELCOME) → current (the first fresh PULSE) → previous (a newer session took its place,
/// 5 s) → gone. A candidate that goes stale is given up; any of them may end early, none ever comes back.
package struct SessionRotation: Sendable {
    private(set) package var candidate: ServerSession?
    private(set) package var current: ServerSession?
    /// Messages to it still count until the instant.
    private var previous: (membership: ServerSession, until: Instant)?
    /// Until then the server may still take the CONFIRM of a candidate that was given up.
    private var givenUpUntil: Instant?

    /// What a PULSE meant.
    package enum PulseOutcome {
        case none, fresh
        /// The candidate is a member: its session took the place of the one before.
        case promoted
    }

    package init() {}

    package var areNone: Bool { current == nil && candidate == nil }

    package func isTrusted(_ now: Instant) -> Bool {
        guard let until = current?.trustedUntil else { return false }
        return now < until
    }

    package var deadline: Instant? {
        // Asked after every datagram: each part is looked at where it stands, none is copied.
        Instant.earliest([
            candidate?.confirmDeadline,
            current?.nextSend,
            previous?.until,
            current?.pairs.deadline,
        ])
    }

    package var usages: [Usage] {
        [candidate, current, previous?.membership].compactMap { $0 }.flatMap(\.usages)
    }

    package mutating func open(_ membership: ServerSession) {
        candidate = membership
    }

    /// True if the candidate has waited too long for its first PULSE.
    package mutating func giveUpCandidate(_ now: Instant) -> Bool {
        guard let staleAt = candidate?.staleAt, staleAt <= now else { return false }
        candidate = nil
        givenUpUntil = now + Limits.pendingLifetime
        return true
    }

    /// GOODBYE "replaced": true if it was this peer's own CONFIRM that did it.
    package mutating func replaceCurrent(_ now: Instant) -> Bool {
        let isOwn = candidate != nil || givenUpUntil.map { now < $0 } ?? false
        if isOwn, let current { previous = (current, now + ProtocolConstants.pairLingering) }
        current = nil
        return isOwn
    }

    package mutating func endCurrent() {
        current = nil
        previous = nil
    }

    package mutating func endAll() {
        endCurrent()
        candidate = nil
    }

    package mutating func expire(_ now: Instant) {
        if let until = previous?.until, until <= now { previous = nil }
        current?.pairs.expire(now: now)
    }

    // MARK: with the server

    /// CONFIRM and HEARTBEAT, where due.
    package mutating func heartbeats(version: UInt64, part: UInt16, now: Instant) -> [[UInt8]] {
        var due: [[UInt8]] = []
        if let next = candidate?.nextSend, next <= now,
            let bytes = candidate?.heartbeat(version: version, part: part, now: now)
        {
            due.append(bytes)
        }
        if let next = current?.nextSend, next <= now,
            let bytes = current?.heartbeat(version: version, part: part, now: now)
        {
            due.append(bytes)
        }
        return due
    }

    /// LEAVE, for each session that the server may know.
    package mutating func leave() -> [[UInt8]] {
        [current?.leave(), candidate?.leave()].compactMap { $0 }
    }

    /// A datagram of the current session's server.
    package mutating func admit<Body: Payload>(
        _ body: Body.Type, _ span: Span<UInt8>, _ datagram: Datagram
    ) throws(Rejection) -> Body {
        guard datagram.header.to == current?.id.rawValue, let verified = try current?.admit(body, span, datagram) else {
            throw .unknownSession
        }
        return verified.body
    }

    package mutating func admitPulse(
        _ span: Span<UInt8>, _ datagram: Datagram, held directory: DirectoryReplica, now: Instant
    ) throws(Rejection) -> PulseOutcome {
        guard case .echo(let echo) = datagram.header.delivery else { throw .unknownKind }
        guard datagram.header.to == candidate?.id.rawValue, var membership = candidate else {
            let pulse = try admit(Pulse.self, span, datagram)
            let isFresh = current?.accept(pulse, echo: echo, held: directory.version, now: now) ?? false
            return isFresh ? .fresh : .none
        }
        let pulse = try membership.admit(Pulse.self, span, datagram).body
        let held = membership.epoch == directory.epoch ? directory.version : 0
        let isFresh = membership.accept(pulse, echo: echo, held: held, now: now)
        candidate = membership
        guard isFresh else { return .none }
        if let current { previous = (current, now + ProtocolConstants.pairLingering) }
        current = membership
        candidate = nil
        // The server takes no CONFIRM older than this one any more.
        givenUpUntil = nil
        return .promoted
    }

    package mutating func extendTrust(held: UInt64) {
        current?.extendTrust(held: held)
    }

    package mutating func noteListing(at version: UInt64) {
        current?.noteListing(at: version)
    }

    // MARK: with other peers

    /// trusted → to me → what `Pairs` asks.
    package mutating func admitMessage(
        _ span: Span<UInt8>, _ datagram: Datagram, held directory: DirectoryReplica, rate: Rate, now: Instant
    ) throws(Rejection) -> ReceivedMessage {
        let to = datagram.header.to
        if to == current?.id.rawValue, let own = current?.own {
            guard isTrusted(now) else { throw .untrusted }
            let message = try current?.pairs.admit(
                span, datagram, held: directory, own: own, rate: rate, now: now)
            if let message { return message }
        } else if let (membership, until) = previous, to == membership.id.rawValue, now < until {
            guard membership.isTrusted(now) else { throw .untrusted }
            let message = try previous?.membership.pairs.admit(
                span, datagram, held: directory, own: membership.own, rate: rate, now: now)
            if let message { return message }
        }
        throw .unknownSession
    }

    /// Seals for one member; nil without a session.
    package mutating func seal(_ payload: SignedPayload, for entry: Entry) throws(Rejection) -> [UInt8]? {
        guard let own = current?.own else { return nil }
        return try current?.pairs.seal(payload, for: entry, own: own)
    }

    /// Another member's session has ended.
    package mutating func end(_ session: SessionID, wasReplaced: Bool, now: Instant) {
        current?.pairs.end(session, wasReplaced: wasReplaced, now: now)
        previous?.membership.pairs.end(session, wasReplaced: wasReplaced, now: now)
    }
}

/// LEAVE, which nobody answers: said three times over 0.1 s, and then it is done.
package struct LeaveSequence: Hashable, Sendable {
    package enum Step {
        case wait, say, done
    }

    private var left: Int
    private(set) package var next: Instant

    /// `isHeard`: there is a session to say it in.
    package init(isHeard: Bool, now: Instant) {
        left = isHeard ? Limits.leaveRepeats : 0
        next = now
    }

    package mutating func step(_ now: Instant) -> Step {
        guard next <= now else { return .wait }
        guard left > 0 else { return .done }
        left -= 1
        next = now + Limits.leaveGap
        return .say
    }
}
