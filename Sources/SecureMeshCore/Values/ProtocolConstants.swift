/// The bounds and intervals on which all implementations must agree (PROTOCOL.md, section 9).
package enum ProtocolConstants {
    package static let version: UInt8 = 1
    /// The largest size of a datagram, in bytes. Only a MESSAGE may be larger, if its sender has allowed that.
    package static let maximumDatagram = 1_232
    /// The largest UDP payload over IPv4, in bytes.
    package static let maximumUDPPayload = 65_507
    /// The limit of the counters: every counter is below it.
    package static let counterLimit: UInt64 = 1 << 48
    /// The number of counters that the replay window covers.
    package static let windowSize: UInt64 = 2_048

    package static let heartbeatInterval = Duration.milliseconds(500)
    package static let lifetime = Duration.milliseconds(1_500)
    package static let sweepInterval = Duration.milliseconds(500)
    package static let trust = Duration.seconds(60)
    package static let rekey = Duration.seconds(3_600)
    package static let rekeyGrace = Duration.seconds(300)
    /// The limit of freshness, in heartbeat intervals. A PULSE is fresh if the peer sent the echoed heartbeat less than
    /// this number of intervals ago (PROTOCOL.md, section 6.3).
    package static let freshIntervals = 3
    /// The number of heartbeat intervals after WELCOME for which CONFIRM is repeated.
    package static let confirmIntervals = 5

    /// The times at which a peer repeats a HELLO, counted from its first transmission. Only the HELLOs of the first
    /// round and the HELLOs that follow a RETRY are repeated.
    package static let helloRepeats: [Duration] = [.milliseconds(250), .milliseconds(750)]
    /// The times at which a server repeats a RESUME, counted from its first transmission.
    package static let resumeRepeats: [Duration] = [
        .milliseconds(250), .milliseconds(750), .milliseconds(1_750), .milliseconds(3_750), .milliseconds(7_750),
    ]
    /// The time for which a server waits for the answer to a RESUME before it serves a HELLO from the same address.
    package static let resumePatience = Duration.milliseconds(750)
    package static let secondAttempt = Duration.milliseconds(1_750)
    /// The gaps between attempts to join, from the second attempt on. The last gap repeats.
    package static let attemptGaps: [Duration] = [.seconds(2), .seconds(4), .seconds(8)]
    /// The largest number of attempts to join that may wait for an answer at the same time, per address of the server.
    package static let outstandingAttempts = 2
    /// The gap between the HELLOs of one round of attempts to join (PROTOCOL.md, section 5.7). In a round, the peer
    /// sends a HELLO to each address of the server, one after another (RFC 8305, section 5).
    package static let addressGap = Duration.milliseconds(250)
    /// The number of answers to one HELLO that may fail before further answers are refused.
    package static let failedOpens = 4
    /// The upper limit of the pause before a peer joins for the second time after a lost connection or after a
    /// handshake that it gave up (PROTOCOL.md, section 5.9). The first such join has no pause. The limit doubles with
    /// each further join, up to `longestRejoinPause`. The count begins again when the peer has been a member for
    /// `calm`.
    package static let rejoinPause = Duration.seconds(2)
    package static let longestRejoinPause = Duration.seconds(32)
    /// The time for which a peer must have been a member without a lost connection, so that it may join again without a
    /// pause.
    package static let calm = Duration.seconds(30)
    package static let replacedPause = Duration.seconds(60)
    package static let cookieRotation = Duration.seconds(30)
    package static let barredPeriod = Duration.seconds(60)
    package static let nameReservation = Duration.seconds(24 * 3_600)
    package static let pairLingering = Duration.seconds(5)
    /// The time for which a peer waits for members of its former directory to join again, counted from the completion
    /// of the first SNAPSHOT of the new directory.
    package static let returnPeriod = Duration.seconds(15)
    package static let longestReturn = Duration.seconds(300)
}
