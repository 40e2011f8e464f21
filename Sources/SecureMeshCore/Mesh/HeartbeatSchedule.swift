/// The instants at which a peer sends CONFIRM and HEARTBEAT (PROTOCOL.md, section 6.2).
///
/// Usually one heartbeat per interval is enough. It follows a PULSE late in the interval, so that the next PULSE echoes
/// a recent heartbeat. When an echo is overdue, a heartbeat or a PULSE was lost, or the round trip is long. Then
/// heartbeats follow each other fast, and each asks for a PULSE, so that only the loss of many datagrams in a row looks
/// like a silent server.
///
/// A peer whose heartbeats leave late sends no such fast heartbeats for a while. Its host is overloaded, so datagrams
/// are delayed and not lost, and more of them would keep the host overloaded.
package struct HeartbeatSchedule: Sendable {
    /// The instant at which the next heartbeat is due.
    private(set) package var next: Instant
    private let interval: Duration
    /// The delay from a PULSE to the next heartbeat. It is drawn at random, once, so that peers do not all send at the
    /// same time.
    private let phase: Duration
    private var lastSent: Instant
    /// The shortest time between the last heartbeat and the next one.
    private var gap: Duration
    /// The newest heartbeat that a fresh PULSE echoed: when it was sent, and how long its echo took.
    private var echoed: (sentAt: Instant, roundTrip: Duration)?
    /// The instant of the newest fresh PULSE, or of WELCOME.
    private var heardAt: Instant
    /// The instant of a PULSE that came after others were missed; nil once a heartbeat that returned its token has been
    /// echoed. Earlier heartbeats returned an older token, which perhaps no longer proved life, so their echo shows
    /// only that they have arrived.
    private var unprovenSince: Instant?
    /// The instant of the newest heartbeat that asked for a PULSE; nil if a newer echo has come since.
    private var askedAt: Instant?
    /// The shortest time from a heartbeat to the first PULSE that echoes it; nil before the first fresh PULSE.
    private(set) package var shortestRoundTrip: Duration?
    /// The instant before which no echo counts as overdue, because a heartbeat left late; nil if none did.
    private var patientUntil: Instant?

    /// Schedules the first CONFIRM at once.
    package init(interval: Duration, random: inout RandomSource, now: Instant) {
        self.interval = interval
        phase = interval * Int(500 + random.next() % 400) / 1_000
        next = now
        lastSent = now
        heardAt = now
        gap = .zero
    }

    /// Makes the next heartbeat due at once.
    package mutating func hurry(_ now: Instant) {
        next = min(next, now)
    }

    /// Notes that a CONFIRM or a HEARTBEAT was sent.
    ///
    /// - Parameter staleAt: The instant at which the candidate, a session that is not confirmed yet, is given up, or
    ///   the connection is lost.
    package mutating func sent(now: Instant, staleAt: Instant, random: inout RandomSource) {
        if now - next > interval / Self.toleratedLateness { patientUntil = now + interval * Self.patience }
        gap = interval * Int(200 + random.next() % 100) / 1_000
        if asksForPulse(now) { askedAt = now }
        if let missing, let shortestRoundTrip {
            // The answers to the first fast heartbeats are overdue as well, so the gap is shortened before the
            // connection is lost.
            let late = now - (missing + shortestRoundTrip)
            if late >= gap { gap = gap / (late < gap * 2 ? 2 : 4) }
        }
        lastSent = now
        guard echoed != nil else {
            // No CONFIRM is sent at the moment at which the candidate is given up.
            let following = now + interval
            next = following < staleAt ? following : staleAt + interval
            return
        }
        next = now < staleAt ? soonest(ordinary: now + interval, now) : now + interval
    }

    /// Notes a fresh PULSE.
    ///
    /// - Parameter sentAt: The instant at which the heartbeat that it echoes was sent.
    package mutating func heard(echoOf sentAt: Instant, now: Instant) {
        if now - heardAt >= interval * 8 / 5 { unprovenSince = now }
        heardAt = now
        if let unprovenSince, sentAt >= unprovenSince { self.unprovenSince = nil }
        if sentAt > echoed?.sentAt ?? Instant(nanoseconds: .min) {
            let roundTrip = now - sentAt
            echoed = (sentAt, roundTrip)
            askedAt = nil
            shortestRoundTrip = min(shortestRoundTrip ?? roundTrip, roundTrip)
        }
        next = soonest(ordinary: min(now + phase, lastSent + interval * 5 / 4), now)
    }

    /// Returns true if a heartbeat that is sent now is to ask the server for a PULSE. This needs an overdue echo. If an
    /// earlier heartbeat has asked already, it must also be a round trip or half an interval old, whichever is shorter.
    package func asksForPulse(_ now: Instant) -> Bool {
        guard let overdue, let shortestRoundTrip, now >= overdue else { return false }
        return askedAt.map { now - $0 >= min(shortestRoundTrip, interval / 2) } ?? true
    }

    private func soonest(ordinary: Instant, _ now: Instant) -> Instant {
        max(now, lastSent + gap, min(ordinary, overdue ?? ordinary))
    }

    /// The instant from which the echo of a newer heartbeat is overdue.
    ///
    /// The earliest of three instants. By the first, a newer echo would have come without loss: an echo is then at most
    /// 1.5 intervals and a round trip old. The second leaves enough time for an answer with a long round trip before
    /// the connection is lost. The third is the instant of a PULSE whose token must be returned at once.
    private var overdue: Instant? {
        guard let echoed, let missing else { return nil }
        return min(missing, echoed.sentAt + interval * 5 / 2 - echoed.roundTrip, unprovenSince ?? missing)
    }

    /// The instant by which the echo of a newer heartbeat would have arrived without loss; nil while the round trip is
    /// unknown, or heartbeats leave late.
    private var missing: Instant? {
        guard let echoed, let shortestRoundTrip, lastSent >= patientUntil ?? lastSent else { return nil }
        return echoed.sentAt + shortestRoundTrip + interval * 8 / 5
    }

    /// The number by which the interval is divided: a heartbeat may be late by a twentieth of an interval.
    private static let toleratedLateness = 20
    /// The number of intervals without fast heartbeats after a late one.
    private static let patience = 10
}
