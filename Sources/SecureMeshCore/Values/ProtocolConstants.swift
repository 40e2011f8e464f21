/// The bounds and intervals on which all implementations must agree (PROTOCOL.md, section 9).
package enum ProtocolConstants {
    package static let version: UInt8 = 1
    /// The largest datagram in bytes, except for a MESSAGE that its sender allowed to be larger.
    package static let maximumDatagram = 1_232
    /// The largest UDP payload over IPv4, in bytes.
    package static let maximumUDPPayload = 65_507
    /// Every counter is below this limit.
    package static let counterLimit: UInt64 = 1 << 48
    /// The number of counters that the replay window covers.
    package static let windowSize: UInt64 = 2_048

    package static let heartbeatInterval = Duration.milliseconds(500)
    package static let lifetime = Duration.milliseconds(1_500)
    package static let sweepInterval = Duration.milliseconds(500)
    package static let trust = Duration.seconds(60)
    package static let rekey = Duration.seconds(3_600)
    package static let rekeyGrace = Duration.seconds(300)
    /// The number of intervals for which a peer stays fresh after it sent the newest heartbeat that a PULSE has echoed.
    package static let freshIntervals = 3
    /// The number of heartbeat intervals after WELCOME for which CONFIRM is repeated.
    package static let confirmIntervals = 5

    /// The times at which the first HELLO of an attempt is repeated, counted from its first copy.
    package static let helloRepeats: [Duration] = [.milliseconds(250), .milliseconds(750)]
    package static let secondAttempt = Duration.milliseconds(1_750)
    /// The gaps before the attempts that follow the second one. The last gap repeats.
    package static let attemptGaps: [Duration] = [.seconds(2), .seconds(4), .seconds(8)]
    /// The number of outstanding attempts per address of the server.
    package static let outstandingAttempts = 2
    /// The time after which an attempt asks the next address of the server (RFC 8305, section 5).
    package static let addressGap = Duration.milliseconds(250)
    /// The number of answers to one HELLO that may fail to open.
    package static let failedOpens = 4
    /// The upper limit of the pause before a second join that follows without a time of `calm`. The limit doubles with
    /// each further join.
    package static let rejoinPause = Duration.seconds(2)
    package static let longestRejoinPause = Duration.seconds(32)
    /// The time for which a peer must have been a member, with no lost connection, to join again without a pause.
    package static let calm = Duration.seconds(30)
    package static let replacedPause = Duration.seconds(60)
    package static let cookieRotation = Duration.seconds(30)
    package static let barredPeriod = Duration.seconds(60)
    package static let nameReservation = Duration.seconds(24 * 3_600)
    package static let pairLingering = Duration.seconds(5)
    /// The time after the first SNAPSHOT of another directory for which members of the former one may come back.
    package static let returnPeriod = Duration.seconds(15)
}
