/// The instants at which a peer sends CONFIRM and HEARTBEAT (PROTOCOL.md, section 6.2).
///
/// Usually a peer sends one heartbeat per interval. It sends the heartbeat late in the interval after a PULSE, so that
/// the next PULSE echoes a recent heartbeat. If an echo is overdue, a heartbeat or a PULSE was lost, or the round trip
/// is long. The peer then sends *fast heartbeats* with short gaps, and asks for PULSEs with them. So if datagrams are
/// lost, the server looks silent only after many losses in a row.
///
/// If a heartbeat leaves late, the peer sends no fast heartbeats for a while. Its host is overloaded, so datagrams are
/// delayed and not lost, and more datagrams would keep the host overloaded.
package struct HeartbeatSchedule: Sendable {
    /// The instant at which the next heartbeat is due.
    private(set) package var next: Instant
    private let interval: Duration
    /// The delay from a PULSE to the next heartbeat. Each schedule chooses it once at random, so that peers do not all
    /// send at the same time.
    private let phase: Duration
    private var lastSent: Instant
    /// The shortest time between the last heartbeat and the next one.
    private var gap: Duration
    /// The newest heartbeat that a fresh PULSE has echoed: its send time, and the time from then to the arrival of the
    /// PULSE.
    private var echoed: (sentAt: Instant, roundTrip: Duration)?
    /// The send time of the newest heartbeat that a fresh PULSE has echoed; nil before the first such PULSE.
    package var echoedAt: Instant? { echoed?.sentAt }
    /// The instant of the newest fresh PULSE. Before the first fresh PULSE, the instant of WELCOME.
    private var heardAt: Instant
    /// The instant of a PULSE that came after other PULSEs were missed; nil if there was none, or if a heartbeat with
    /// the token of this PULSE has been echoed.
    ///
    /// Earlier heartbeats have older tokens, which the server perhaps does not accept as a proof of life. So the echo
    /// of an earlier heartbeat shows only that the heartbeat has arrived.
    private var unprovenSince: Instant?
    /// The instant of the newest heartbeat that asked for a PULSE; nil if no heartbeat has asked since the newest echo.
    private var askedAt: Instant?
    /// The shortest time from a heartbeat to the first PULSE that echoes it; nil before the first fresh PULSE.
    private(set) package var shortestRoundTrip: Duration?
    /// The instant before which no echo counts as overdue, because a heartbeat left late; nil if no heartbeat left
    /// late.
    private var patientUntil: Instant?

    /// Makes the first CONFIRM due at once.
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
    /// - Parameter staleAt: The instant at which the session becomes stale. A candidate, which is a session without a
    ///   fresh PULSE, is then given up. Any other session has then lost its connection.
    package mutating func sent(now: Instant, staleAt: Instant, random: inout RandomSource) {
        if now - next > interval / Self.toleratedLateness { patientUntil = now + interval * Self.patience }
        gap = interval * Int(200 + random.next() % 100) / 1_000
        if asksForPulse(now) { askedAt = now }
        if let missing, let shortestRoundTrip {
            // If the answers to fast heartbeats are overdue as well, the gap is shortened. More heartbeats are then
            // sent before the connection is lost.
            let late = now - (missing + shortestRoundTrip)
            if late >= gap { gap = gap / (late < gap * 2 ? 2 : 4) }
        }
        lastSent = now
        guard echoed != nil else {
            // No CONFIRM is sent at the moment at which the candidate is given up. A session that waits for its first
            // fresh PULSE after RESUME is not given up.
            let following = now + interval
            next = following < staleAt || staleAt < now ? following : staleAt + interval
            return
        }
        next = now < staleAt ? soonest(ordinary: now + interval, now) : now + interval
    }

    /// Notes a fresh PULSE, which echoes a heartbeat.
    ///
    /// - Parameter sentAt: The instant at which the echoed heartbeat was sent.
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

    /// Returns true if a heartbeat that is sent now is to ask the server for a PULSE. It asks if an echo is overdue. If
    /// an earlier heartbeat has asked already, the next heartbeat asks only after the shortest measured round trip, or
    /// after half an interval if that is shorter.
    package func asksForPulse(_ now: Instant) -> Bool {
        guard let overdue, let shortestRoundTrip, now >= overdue else { return false }
        return askedAt.map { now - $0 >= min(shortestRoundTrip, interval / 2) } ?? true
    }

    private func soonest(ordinary: Instant, _ now: Instant) -> Instant {
        max(now, lastSent + gap, min(ordinary, overdue ?? ordinary))
    }

    /// The instant from which the echo of a newer heartbeat is overdue; nil while no echo can be overdue.
    ///
    /// It is the earliest of three instants. The first is `missing`: without loss, a newer echo would have arrived by
    /// then. The second leaves enough time for one more round trip before the connection is lost. The third is the
    /// instant of a PULSE whose token must be returned at once.
    private var overdue: Instant? {
        guard let echoed, let missing else { return nil }
        return min(missing, echoed.sentAt + interval * 5 / 2 - echoed.roundTrip, unprovenSince ?? missing)
    }

    /// The instant by which the echo of a newer heartbeat would have arrived without loss. Without loss, the newest
    /// echo is at most 1.5 intervals and a round trip old; 0.1 intervals are added. Nil while the round trip is
    /// unknown, and for a while after a heartbeat left late.
    private var missing: Instant? {
        guard let echoed, let shortestRoundTrip, lastSent >= patientUntil ?? lastSent else { return nil }
        return echoed.sentAt + shortestRoundTrip + interval * 8 / 5
    }

    /// A heartbeat counts as late if it leaves more than the interval divided by this number after it was due.
    private static let toleratedLateness = 20
    /// The number of intervals for which no fast heartbeats are sent after a late heartbeat.
    private static let patience = 10
}
