/// Detects that connections fail because the round trip is too long for the heartbeat interval.
package struct SlownessReport: Sendable {
    /// The number of handshakes in a row that were given up and in which the answer to HELLO was slow.
    private var slowHandshakes = 0
    private var reportedAt: Instant?

    package init() {}

    /// Notes that a handshake has led to a session.
    package mutating func joined() {
        slowHandshakes = 0
    }

    /// Notes that a handshake was given up because no fresh PULSE arrived.
    ///
    /// A single slow answer may only mean that the HELLO was lost. So a slow answer is reported only if the handshake
    /// before it was slow and given up too.
    ///
    /// - Parameter handshake: The time from HELLO to WELCOME.
    /// - Returns: The event to emit; nil if there is nothing to report.
    package mutating func gaveUp(after handshake: Duration, bearable: Duration, now: Instant) -> PeerEvent? {
        guard handshake > bearable else {
            slowHandshakes = 0
            return nil
        }
        slowHandshakes += 1
        return slowHandshakes < 2 ? nil : report(handshake, bearable: bearable, now: now)
    }

    /// Notes that the connection was lost.
    ///
    /// - Parameter roundTrip: The shortest round trip that was measured.
    /// - Returns: The event to emit; nil if there is nothing to report.
    package mutating func lost(_ roundTrip: Duration?, bearable: Duration, now: Instant) -> PeerEvent? {
        guard let roundTrip, roundTrip > bearable else { return nil }
        return report(roundTrip, bearable: bearable, now: now)
    }

    private mutating func report(_ measured: Duration, bearable: Duration, now: Instant) -> PeerEvent? {
        if let reportedAt, now - reportedAt < Limits.reportInterval { return nil }
        reportedAt = now
        return .slowRoundTrip(measured: measured, bearable: bearable)
    }
}
