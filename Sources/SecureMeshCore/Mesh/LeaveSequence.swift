/// The LEAVEs that a leaving peer sends: three within 0.1 s, because LEAVE is not answered and may be lost.
package struct LeaveSequence: Hashable, Sendable {
    package enum Step {
        case wait, send, done
    }

    private var left: Int
    /// The instant at which the peer drops all broadcasts that still wait to be sent.
    package let flushUntil: Instant
    /// The instant at which the next step is due.
    private(set) package var next: Instant

    /// Makes the sequence. Its first step is due at once.
    ///
    /// - Parameter hasSession: True if there is a session to leave. If there is none, the sequence is done at once.
    package init(hasSession: Bool, now: Instant) {
        left = hasSession ? Limits.leaveRepeats : 0
        flushUntil = now + Limits.leaveFlush
        next = now
    }

    /// Advances the sequence and returns the step to take at `now`.
    package mutating func step(_ now: Instant) -> Step {
        guard next <= now else { return .wait }
        guard left > 0 else { return .done }
        left -= 1
        next = now + Limits.leaveGap
        return .send
    }
}
