/// Every bound and every interval of the protocol and of this implementation, in one place.
///
/// `ProtocolConstants` holds what PROTOCOL.md fixes: a second implementation must agree. `Limits` holds what this one chose.
package enum ProtocolConstants {
    package static let version: UInt8 = 1
    /// The largest datagram, in bytes, but for a MESSAGE its sender chose to make larger.
    package static let maximumDatagram = 1_232
    /// The largest UDP payload over IPv4.
    package static let maximumUDPPayload = 65_507
    package static let counterLimit: UInt64 = 1 << 48
    package static let windowSize: UInt64 = 2_048

    package static let heartbeatInterval = Duration.milliseconds(500)
    package static let lifetime = Duration.milliseconds(1_500)
    package static let sweepInterval = Duration.milliseconds(500)
    package static let trust = Duration.seconds(60)
    package static let rekey = Duration.seconds(3_600)
    package static let rekeyGrace = Duration.seconds(300)
    /// A peer is fresh while its last echoed heartbeat was sent within this many intervals.
    package static let freshIntervals = 3

    package static let helloRepeats: [Duration] = [.milliseconds(250), .milliseconds(750)]
    package static let secondAttempt = Duration.milliseconds(1_750)
    package static let attemptGaps: [Duration] = [.seconds(2), .seconds(4), .seconds(8)]
    package static let outstandingAttempts = 2
    package static let failedOpens = 4
    package static let replacedPause = Duration.seconds(60)
    package static let cookieRotation = Duration.seconds(30)
    package static let barredPeriod = Duration.seconds(60)
    package static let nameReservation = Duration.seconds(24 * 3_600)
    package static let pairLingering = Duration.seconds(5)
}

package enum Limits {
    // Handshakes, at the server.
    package static let pendingEntries = 8_192
    package static let pendingLifetime = Duration.seconds(5)
    /// Nanoseconds of CPU that a HELLO, a CONFIRM and a member's datagram are reckoned to cost: two agreements, a
    /// verification and a signature; one verification; one verification and its share of what goes out.
    package static let helloCost: Int64 = 160_000
    package static let confirmCost: Int64 = 60_000
    package static let memberCost: Int64 = 68_000
    /// Shares of a core, in thousandths.
    package static let handshakeShare: Int64 = 500
    package static let totalShare: Int64 = 850
    /// Nanoseconds of CPU the handshake bucket holds when full. With `helloCost` this keeps a pending entry at
    /// least 2.4 s: (8,192 - 100 ms / 160 µs) / (0.5 / 160 µs).
    package static let handshakeBurst: Int64 = 100_000_000
    package static let prefixTableSlots = 16_384
    package static let prefixRate = Rate(perSecond: 200, burst: 1_000)
    package static let barePrefixRate = Rate(perSecond: 100, burst: 500)
    /// A /48 may have this many times what a /64 may.
    package static let widePrefixFactor = 8
    /// Events about joiners that were turned away. Those above the rate are dropped.
    package static let turnedAwayRate = Rate(perSecond: 1, burst: 10)
    package static let joinRate = Rate(perSecond: 1, burst: 3)
    /// Identities whose join bucket, bar or name the server remembers. A new one evicts the one known longest.
    package static let rememberedIdentities = 65_536

    // Members, at the server.
    package static let maximumPeers = 10_000
    package static let memberRate = Rate(perSecond: 10, burst: 20)

    /// `memberRate`, and where heartbeats are faster than the protocol's own, five times as many as they are.
    package static func memberRate(heartbeatInterval: Duration) -> Rate {
        let heartbeats = Int(1_000_000_000 / max(heartbeatInterval.wholeNanoseconds, 1_000_000))
        return memberRate.scaled(by: max(heartbeats / 2, 1))
    }

    package static let repairGap = Duration.milliseconds(250)
    package static let snapshotPartsPerHeartbeat = 4
    /// A snapshot is spread over this many repairs, as far as `mostSnapshotParts` and `snapshotRate` let it.
    package static let snapshotHeartbeats = 4
    package static let mostSnapshotParts = 64
    /// Parts above `snapshotPartsPerHeartbeat`, of all members together: some 25 MB/s, and a tenth of a core.
    package static let snapshotRate = Rate(perSecond: 20_000, burst: 20_000)
    package static let deltasPerHeartbeat = 16
    package static let deltaLog = 4_096
    package static let frozenSnapshots = 4
    package static let snapshotAge = Duration.seconds(1)
    package static let tick = Duration.milliseconds(20)
    package static let longestTick = Duration.milliseconds(320)
    package static let deltasPerTick = 8
    package static let shortestHeartbeat = Duration.milliseconds(20)
    package static let removedSessions = 65_536
    package static let issuedTokens = 256

    // Peers.
    package static let directoryEntries = 65_536
    package static let snapshotParts = 16_384
    package static let earlyDeltas = 64
    package static let sentHeartbeats = 256
    /// Ended sessions that had keys with a peer's session: one more, and it joins again for new keys.
    package static let retiredSessions = 65_536
    package static let agreementRate = Rate(perSecond: 200, burst: 200)
    package static let messageRate = Rate(perSecond: 200, burst: 400)
    package static let leaveRepeats = 3
    package static let leaveGap = Duration.milliseconds(50)

    // Runtime.
    package static let receiveBuffer = 8 << 20
    package static let events = 4_096
    package static let strangerQueue = 4_096
    package static let resendQueue = 4_096
    package static let logInterval = Duration.seconds(10)
}
