/// The bounds and intervals that this implementation chose. Every table in a machine has its bound here.
package enum Limits {
    // Handshakes, at the server.
    package static let pendingEntries = 8_192
    package static let pendingLifetime = Duration.seconds(5)
    /// The assumed cost of a HELLO, in nanoseconds of CPU time: two agreements, a verification and a signature.
    package static let helloCost: Int64 = 160_000
    /// The part of `helloCost` until the seal is opened: an agreement and some hashes.
    package static let helloAgreementCost: Int64 = 40_000
    /// The assumed cost of a CONFIRM: a verification.
    package static let confirmCost: Int64 = 60_000
    /// The assumed cost of a member's datagram: a verification, and its part of what the server sends.
    package static let memberCost: Int64 = 68_000
    /// The assumed cost, on the registry's event loop, of a member's datagram that a lane has verified.
    package static let laneCost: Int64 = 8_000
    /// The assumed cost of a DELTA to one member: a seal and its sending.
    package static let fanOutCost: Int64 = 12_000
    /// The share of a core that handshakes may use, in thousandths.
    package static let handshakeShare: Int64 = 500
    /// The share of a core that handshakes and members' datagrams together may use, in thousandths.
    package static let totalShare: Int64 = 850
    /// The CPU time that a full handshake bucket holds, in nanoseconds. With `helloCost` it keeps a pending handshake
    /// for at least 2.4 s: (8,192 - 100 ms / 160 µs) / (0.5 / 160 µs).
    package static let handshakeBurst: Int64 = 100_000_000
    /// The share of the rate of handshakes that HELLOs without a cookie may use, in thousandths.
    package static let bareShare: Int64 = 100
    package static let prefixTableSlots = 16_384
    package static let prefixRate = Rate(perSecond: 200, burst: 1_000)
    package static let barePrefixRate = Rate(perSecond: 100, burst: 500)
    /// The rate of a /48 as a multiple of that of a /64.
    package static let widePrefixFactor = 8
    /// The rate of events about joiners that were turned away. Events above the rate are dropped.
    package static let turnedAwayRate = Rate(perSecond: 1, burst: 10)
    package static let joinRate = Rate(perSecond: 1, burst: 3)
    /// The number of identities whose join bucket or bar the server remembers. A new one evicts the one known longest.
    /// It is also the number of names that are kept for identities that have left. A new one evicts the one left first.
    package static let rememberedIdentities = 65_536
    /// The number of names that are kept for one identity that has left them.
    package static let namesPerIdentity = 4

    // Members, at the server.
    package static let maximumPeers = 10_000
    /// The least rate of a member's datagrams. The burst covers the heartbeats with which a newcomer asks for a large
    /// directory.
    package static let memberRate = Rate(perSecond: 10, burst: 40)

    /// Returns the rate of a member's datagrams: five times that of its heartbeats, and at least `memberRate`.
    package static func memberRate(heartbeatInterval: Duration) -> Rate {
        let heartbeats = Int(1_000_000_000 / max(heartbeatInterval.wholeNanoseconds, 1_000_000))
        return memberRate.scaled(by: max(heartbeats / 2, 1))
    }

    /// The rate of PULSEs that answer heartbeats of one member.
    package static let answeringPulseRate = Rate(perSecond: 8, burst: 4)
    /// The least number of PULSEs that answer heartbeats, for all members together.
    package static let leastAnsweringPulses = 100

    /// The number of PULSEs per interval that are sent to a silent member, as far as `answeringPulseRate` allows.
    package static let solicitationsPerInterval = 4

    /// Returns the rate of PULSEs that answer heartbeats, for all members together: twice as many as periodic ones.
    ///
    /// Members of one host are late together when it is overloaded. More PULSEs would make them later.
    package static func answeringPulses(members: Int, heartbeatInterval: Duration) -> Rate {
        let periodic = members * 1_000 / max(Int(heartbeatInterval.wholeNanoseconds / 1_000_000), 1)
        return Rate(
            perSecond: max(periodic * 2, leastAnsweringPulses), burst: max(members * 2, leastAnsweringPulses))
    }

    /// The shortest time between two digests that a peer computes of a proven directory, and the shortest time per
    /// member; the longer of the two counts. A digest takes 0.3 µs per member.
    package static let digestGap = Duration.seconds(2)
    package static let repairGap = Duration.milliseconds(250)
    /// The number of parts or DELTAs of a repair that need no token of `repairRate`, unless it follows sooner than
    /// `repairGap`.
    package static let leastRepair = 4
    package static let firstBurst = 16
    /// The largest number of parts in a burst. A receive buffer of 212,992 bytes, the default of Linux, holds about 92
    /// datagrams of 1,232 bytes.
    package static let mostSnapshotParts = 64
    package static let resentParts = 8
    /// The rate of parts and DELTAs in repairs, for all members together: about 25 MB/s, a tenth of a core.
    package static let repairRate = Rate(perSecond: 20_000, burst: 20_000)
    package static let deltasPerHeartbeat = 16
    package static let deltaLog = 4_096
    package static let frozenSnapshots = 4
    package static let snapshotAge = Duration.seconds(1)
    /// The number of seals, and of ended sessions, in one call of the server's machine: some milliseconds.
    package static let slice = 256
    /// The number and the percentage of members that may be late at once. If more are late, each gets more time.
    package static let mostLate = 8
    package static let mostLateShare = 15
    /// The number of lifetimes by which a late member's time grows while a common cause is likely.
    package static let suspicionLifetimes = 4
    package static let tick = Duration.milliseconds(20)
    /// The rate of the DELTAs that publish changes of the directory, to all members together. A DELTA with six entries
    /// takes about 250 µs of its receiver's CPU time. If all members share two cores, this rate takes a third of them.
    package static let fanOutRate = Rate(perSecond: 2_500, burst: 1_000)
    /// The least number of DELTAs to each member: two per second, two at once.
    package static let memberFanOutRate = Rate(perSecond: 2, burst: 2)

    /// Returns the rate of DELTAs in a mesh of `members`.
    package static func fanOutRate(members: Int) -> Rate {
        let least = memberFanOutRate.scaled(by: members)
        return Rate(
            perSecond: max(fanOutRate.perSecond, least.perSecond), burst: max(fanOutRate.burst, least.burst))
    }

    /// The number of members waiting to be listed at which HELLOs are rejected. At twice this number, CONFIRMs are
    /// rejected too.
    package static let unlistedMembers = 1_024
    package static let shortestHeartbeat = Duration.milliseconds(20)
    package static let removedSessions = 65_536
    package static let pulseSecrets = 256

    // Peers.
    package static let directoryEntries = 65_536
    /// The number of names whose last key a peer remembers. The directory can list only two thirds as many, so at least
    /// a third of a full table can be evicted.
    package static let knownNames = 98_304
    /// The maximum of the first pause after which a peer asks again a server that does not let its key join.
    package static let exclusionPause = Duration.seconds(2)
    package static let longestExclusionPause = Duration.seconds(300)
    package static let snapshotParts = 16_384
    package static let earlyDeltas = 64
    package static let sentHeartbeats = 256
    /// The rate of the heartbeats that only ask for more of the directory. All heartbeats together are within
    /// `memberRate`.
    package static let requestRate = Rate(perSecond: 7, burst: 32)

    /// Returns the rate of a peer's requests: it grows with that of its heartbeats, as `memberRate` does.
    package static func requestRate(heartbeatInterval: Duration) -> Rate {
        let allowed = memberRate(heartbeatInterval: heartbeatInterval)
        return requestRate.scaled(by: allowed.perSecond / memberRate.perSecond)
    }

    /// The number of ended sessions with keys that a peer's session remembers. A peer that has reached it joins again.
    package static let retiredSessions = 65_536
    /// The rate at which a peer computes keys with new senders whose message comes from the address that the directory
    /// lists for them.
    package static let agreementRate = Rate(perSecond: 200, burst: 200)
    /// The rate at which a peer computes keys with new senders whose message comes from another address.
    package static let strayAgreementRate = Rate(perSecond: 100, burst: 100)
    /// The rate at which a peer computes keys with new senders to which it has sent a message, so that it expects their
    /// acknowledgments. It takes about a third of a core.
    package static let answerAgreementRate = Rate(perSecond: 2_000, burst: 1_000)
    /// The number of senders whose keys a peer has computed but of which it has opened no datagram yet.
    package static let unprovenPairs = 16_384
    package static let messageRate = Rate(perSecond: 200, burst: 400)
    /// The rate of the bytes in one sender's messages: an eighth of the rate of all, and a quarter of their burst.
    package static let messageByteRate = Rate(perSecond: 1 << 20, burst: 2 << 20)
    /// The rate of the bytes in all senders' messages. Receiving them takes about a third of a core.
    package static let totalMessageByteRate = Rate(perSecond: 8 << 20, burst: 8 << 20)

    /// The rate at which a sender sends to a receiver that accepts `rate`. The rest of the burst covers messages that
    /// are delayed on their way and then delivered together.
    package static func sendRate(within rate: Rate) -> Rate {
        Rate(perSecond: rate.perSecond, burst: rate.burst * 3 / 4)
    }

    /// The largest number of broadcasts that are not yet sealed for all of their receivers.
    package static let waitingBroadcasts = 256
    /// The largest number of bytes in their bodies, and in the identities of their receivers.
    package static let waitingBroadcastBytes = 16 << 20
    /// The time after which a broadcast is dropped that is not yet sealed for all of its receivers.
    package static let broadcastLifetime = Duration.seconds(10)
    /// The assumed CPU time of sealing in one slice, in nanoseconds.
    package static let sealSlice: Int64 = 4_000_000
    /// The time from the beginning of a slice to that of the next one.
    package static let sealInterval = Duration.milliseconds(8)
    /// The assumed cost of the key with a new receiver, in nanoseconds of CPU time: a verification and an agreement.
    package static let pairCost: Int64 = 150_000
    /// The assumed cost of sealing and sending a message: a constant, and a part per byte.
    package static let sealCost: Int64 = 5_000
    package static let sealedByteCost: Int64 = 2

    // Acknowledgments.
    /// The number of a peer's messages that wait for acknowledgments.
    package static let unacknowledgedMessages = 256
    /// The number of bytes of the messages that wait for acknowledgments: their bodies, and three times 32 bytes per
    /// receiver.
    package static let unacknowledgedBytes = 16 << 20
    /// The number of results of messages with acknowledgments that are kept until they are asked for.
    package static let finishedDeliveries = 1_024
    /// The number of receivers in the results that are kept.
    package static let finishedReceivers = 65_536
    /// The time after which a message is repeated. After `steadyRepeats` it doubles with each repeat, up to
    /// `longestRepeat`.
    package static let firstRepeat = Duration.milliseconds(250)
    /// The repeats with the first gap, if at most `steadyMessages` wait. They last for 3 s: with a loss of 20 % in each
    /// direction, one ACK of 50 is missing then once in 1,500 messages. With doubling from the first repeat, it would
    /// be missing after most messages.
    package static let steadyRepeats = 12
    /// The number of waiting messages up to which repeats keep the first gap. More of them show that a receiver is
    /// gone, or that the network has no room for more.
    package static let steadyMessages = 16
    package static let longestRepeat = Duration.seconds(2)
    /// The longest time for which a message waits for acknowledgments.
    package static let longestDelivery = Duration.seconds(60)
    /// The rate at which a peer sends acknowledgments.
    package static let acknowledgmentRate = Rate(perSecond: 2_000, burst: 4_000)
    /// The number of acknowledgments that a peer delays at once.
    package static let delayedAcknowledgments = 4_096
    /// The time over which the members spread the acknowledgments of a broadcast, in nanoseconds per member. The sender
    /// needs less time to verify one.
    package static let spreadPerMember: Int64 = 200_000
    package static let longestSpread = Duration.seconds(2)

    /// Returns the time over which the acknowledgments of a broadcast are spread in a mesh of `members`.
    package static func acknowledgmentSpread(members: Int) -> Duration {
        min(.nanoseconds(spreadPerMember * Int64(members)), longestSpread)
    }

    /// The time in which a peer that leaves sends the broadcasts that still wait.
    package static let leaveFlush = Duration.seconds(1)
    /// The number of intervals after the server's last proof of life for which a peer that is late itself may wait.
    package static let postponedSilence = 20
    /// The time within which the same condition of a connection is reported at most once.
    package static let reportInterval = Duration.seconds(60)
    /// The time without a further part after which an incomplete directory is reported.
    package static let directoryPatience = Duration.seconds(5)
    /// The number of addresses to which a process could not send, and which it remembers.
    package static let unreachableAddresses = 256
    package static let leaveRepeats = 3
    package static let leaveGap = Duration.milliseconds(50)

    // Runtime.
    /// The largest number of addresses that a peer asks, of those that the server's name has.
    package static let serverAddresses = 8
    /// The threads that look up names of hosts.
    package static let lookupThreads = 2
    /// The pauses between lookups of the server's name while a peer joins. The last one repeats.
    package static let lookupPauses: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(5)]
    /// The time after which a server reads the addresses of its host again.
    package static let hostAddressInterval = Duration.seconds(5)
    package static let receiveBuffer = 8 << 20
    /// The receive buffer of a socket for strangers alone. Datagrams that wait in a larger one would be read too late.
    package static let strangerReceiveBuffer = 256 << 10
    package static let sendBuffer = 4 << 20
    /// The part of the send buffer for answers to addresses that may not exist. Each such address takes an entry of the
    /// system's table of neighbors, which holds some hundreds by default, those of members among them.
    package static let answerBuffer = 128 << 10
    /// The largest number of events that wait for one consumer, and of bytes in the messages among them.
    package static let events = 4_096
    package static let eventBytes = 16 << 20
    /// The time in which a server that stops says so to all members.
    package static let stopTime = Duration.milliseconds(800)
    package static let strangerQueue = 4_096
    package static let sendQueue = 4_096
    /// The number of event loops that share the members of a server.
    package static let eventLoops = 64
    /// The largest number of datagrams that wait for a lane to send them, and of those that a lane has accepted and
    /// that wait for the registry.
    package static let laneQueue = 65_536
    package static let rebindTime = Duration.seconds(5)
    package static let logInterval = Duration.seconds(10)
    /// The time for which a pipe in place of a file may be silent.
    package static let pipePatience = Duration.seconds(10)
    // Passphrases of secret keys.
    package static let passphrase = 1_023
    /// The cost of Argon2id: passes, and memory in MiB. RFC 9106, section 4, recommends it where memory is scarce.
    package static let argonPasses = 3
    package static let argonMemory = 64
    /// The largest costs that are accepted in a file. A hostile file takes some seconds at most.
    package static let mostArgonPasses = 10
    package static let mostArgonMemory = 256
    // Sizes of files, in bytes.
    package static let secretKeyFile = 4_096
    package static let publicKeyFile = 65_536
    package static let rosterFile = 16 << 20
}
