/// The schedule of the sweeps that expire members without a proof of life within the lifetime (PROTOCOL.md, section 6).
///
/// Three guards prevent false expiry. The driver drains the sockets between `sweepIsDue` and `sweep`. A sweep that ran
/// late, because the process was paused, suspends expiry for one lifetime. Many members that are overdue at once are
/// suspected of one common cause, and expire only if they stay silent for some lifetimes more.
package struct FailureDetector: Hashable, Sendable {
    /// The decision about the members that are overdue in a sweep.
    package enum Verdict: Hashable, Sendable {
        case expire
        /// They are suspects of a new suspicion; none expires.
        case suspect
        /// The suspicion goes on; none expires.
        case wait
        /// The suspicion has ended: those that are still overdue expire.
        case endSuspicion
    }

    private let lifetime: Duration
    private let interval: Duration
    private var nextSweep: Instant
    private var suspendedUntil: Instant
    private var isDraining = false
    private var suspectedUntil: Instant?
    /// The earliest start of another suspicion.
    private var trustsFrom: Instant

    package init(lifetime: Duration, interval: Duration = ProtocolConstants.sweepInterval, now: Instant) {
        self.lifetime = lifetime
        self.interval = interval
        nextSweep = now + interval
        suspendedUntil = now
        trustsFrom = now
    }

    /// The time of the next sweep; nil while the sockets are being drained.
    package var deadline: Instant? { isDraining ? nil : nextSweep }

    /// Returns true once for each sweep. The sockets are then to be drained, and `sweep` is to be called.
    package mutating func sweepIsDue(now: Instant) -> Bool {
        guard !isDraining, now >= nextSweep else { return false }
        isDraining = true
        if now - nextSweep > interval { suspendedUntil = now + lifetime }
        return true
    }

    /// Ends the drain.
    ///
    /// - Returns: The instant before which a last proof of life has expired. Nil while expiry is suspended, or if no
    ///   drain was asked for.
    package mutating func sweep(now: Instant) -> Instant? {
        guard isDraining else { return nil }
        isDraining = false
        nextSweep = now + interval
        return now >= suspendedUntil ? now - lifetime : nil
    }

    /// Decides about the members that are overdue in a sweep.
    ///
    /// After a suspicion there is no other one for as long as it may last, so that nobody who is able to mute many
    /// members can put off the end of the dead by more than one suspicion each.
    package mutating func judge(overdue: Int, of members: Int, now: Instant) -> Verdict {
        let length = lifetime * Limits.suspicionLifetimes
        if let until = suspectedUntil {
            guard overdue == 0 || now >= until else { return .wait }
            suspectedUntil = nil
            trustsFrom = now + length
            return .endSuspicion
        }
        guard overdue > max(Limits.mostExpired, members * Limits.mostExpiredShare / 100), now >= trustsFrom else {
            return .expire
        }
        suspectedUntil = now + length
        return .suspect
    }
}
