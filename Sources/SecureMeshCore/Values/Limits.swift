/// The bounds and intervals that this implementation chose. The bound of every table of a server or a peer is here.
package enum Limits {
    // Handshakes, at the server.
    /// The number of pending handshakes that the server holds. A new handshake overwrites the oldest one.
    package static let pendingEntries = 8_192
    /// The time after WELCOME for which the server accepts the CONFIRM of a handshake.
    package static let pendingLifetime = Duration.seconds(5)
    /// The assumed cost of a HELLO, in nanoseconds of CPU time: two X25519 agreements, the verification of one
    /// signature, and the making of another.
    package static let helloCost: Int64 = 160_000
    /// The part of `helloCost` that is spent before the seal is opened: one X25519 agreement and some hashes.
    package static let helloAgreementCost: Int64 = 40_000
    /// The assumed cost of a CONFIRM, in nanoseconds of CPU time: the verification of a signature.
    package static let confirmCost: Int64 = 60_000
    /// The assumed cost of a member's datagram, in nanoseconds of CPU time: its verification, and a share of the cost
    /// of the datagrams that the server sends.
    package static let memberCost: Int64 = 68_000
    /// The assumed CPU time, in nanoseconds, that the registry's event loop spends on a datagram that a lane has
    /// verified.
    package static let laneCost: Int64 = 8_000
    /// The assumed cost of sealing and sending a DELTA to one member, in nanoseconds of CPU time.
    package static let fanOutCost: Int64 = 12_000
    /// The share of a core that handshakes may use, in thousandths.
    package static let handshakeShare: Int64 = 500
    /// The share of a core that handshakes and members' datagrams together may use, in thousandths.
    package static let totalShare: Int64 = 850
    /// The CPU time, in nanoseconds, that a full token bucket for handshakes holds (PROTOCOL.md, section 5.6).
    ///
    /// The bucket limits how fast new handshakes overwrite pending ones. A full bucket pays for 625 handshakes at once
    /// (100 ms / 160 µs). After that, half a core pays for 3,125 handshakes per second (0.5 s / 160 µs). So a pending
    /// handshake is overwritten after 2.4 s at the earliest: (8,192 − 625) / 3,125.
    package static let handshakeBurst: Int64 = 100_000_000
    /// The share of the handshake CPU time that HELLOs without a cookie may use, in thousandths.
    package static let bareShare: Int64 = 100
    /// The number of token buckets for source prefixes, in each of two tables: for HELLOs with a valid cookie and for
    /// all other HELLOs.
    package static let prefixTableSlots = 16_384
    /// The rate limit for HELLOs with a valid cookie from one prefix.
    package static let prefixRate = Rate(perSecond: 200, burst: 1_000)
    /// The rate limit for HELLOs without a valid cookie from one prefix.
    package static let barePrefixRate = Rate(perSecond: 100, burst: 500)
    /// The rate limit of an IPv6 /48 prefix, as a multiple of the rate limit of a /64 prefix.
    package static let widePrefixFactor = 8
    /// The rate limit for events about joiners that the server has answered with REJECT. Events above the limit are
    /// dropped.
    package static let turnedAwayRate = Rate(perSecond: 1, burst: 10)
    /// The rate limit for the joins of one identity.
    package static let joinRate = Rate(perSecond: 1, burst: 3)
    /// The largest number of identities for which the server remembers a join bucket or a bar from joining. When this
    /// table is full, a new identity evicts the identity that was inserted first.
    ///
    /// The same limit holds for another table: the names that are reserved for members that have left. When that table
    /// is full, a new name evicts the name whose owner left first.
    package static let rememberedIdentities = 65_536
    /// The largest number of names that stay reserved for one identity after it has left.
    package static let namesPerIdentity = 4

    /// The number of RESUMEs that the server makes in one call, and the pause between two calls. So it makes 3,000
    /// RESUMEs per second, which takes less than half a core.
    package static let resumeSlice = 9
    package static let resumeGap = Duration.milliseconds(3)
    /// The rate limit for RESUMEs in one session at a peer. Each RESUME costs the peer two key agreements, and a
    /// verification if its seal opens.
    package static let resumeRate = Rate(perSecond: 1, burst: 4)

    // Members, at the server.
    /// The default of the largest number of members.
    package static let maximumPeers = 10_000
    /// The lowest rate limit for one member's datagrams. The burst covers the heartbeats with which a newcomer asks for
    /// a large directory.
    package static let memberRate = Rate(perSecond: 10, burst: 40)

    /// Returns the rate limit for one member's datagrams: five times the rate of its heartbeats, rounded down, but at
    /// least `memberRate`.
    package static func memberRate(heartbeatInterval: Duration) -> Rate {
        let perSecond = Int(5_000_000_000 / max(heartbeatInterval.wholeNanoseconds, 1_000_000))
        guard perSecond > memberRate.perSecond else { return memberRate }
        return Rate(perSecond: perSecond, burst: perSecond * memberRate.burst / memberRate.perSecond)
    }

    /// The rate limit for PULSEs that answer the heartbeats of one member.
    package static let answeringPulseRate = Rate(perSecond: 8, burst: 4)
    /// The lower bound of the rate limit for PULSEs that answer heartbeats, for all members together. It applies both
    /// to the PULSEs per second and to the burst.
    package static let leastAnsweringPulses = 100

    /// The number of PULSEs per heartbeat interval that are sent to a silent member, unless `answeringPulseRate` allows
    /// fewer.
    package static let solicitationsPerInterval = 4

    /// Returns the rate limit for PULSEs that answer heartbeats, for all members together: twice the rate of the
    /// periodic PULSEs, but at least `leastAnsweringPulses`.
    ///
    /// The rate is limited because on an overloaded host all members are late at once, and more PULSEs would delay them
    /// further.
    package static func answeringPulses(members: Int, heartbeatInterval: Duration) -> Rate {
        let periodic = members * 1_000 / max(Int(heartbeatInterval.wholeNanoseconds / 1_000_000), 1)
        return Rate(
            perSecond: max(periodic * 2, leastAnsweringPulses), burst: max(members * 2, leastAnsweringPulses))
    }

    /// The shortest time between two digests that a peer computes of a proven directory (PROTOCOL.md, section 6.5). A
    /// digest takes 0.3 µs of CPU time per member.
    package static let digestGap = Duration.seconds(2)
    /// The time for which PULSEs may have a lower version than a peer's directory. The time begins when the directory
    /// reaches its version, or when the peer's session begins, whichever is later. After this time, a fresh PULSE with
    /// a lower version shows that the directory is wrong (PROTOCOL.md, section 6.5).
    package static let versionGap = Duration.seconds(2)
    /// The shortest time between two repairs of a member that asks for the same part of the directory again.
    package static let repairGap = Duration.milliseconds(250)
    /// The number of SNAPSHOT parts or DELTAs that a member may be sent as a repair even if the token bucket of
    /// `repairRate` is empty. Each member gets them at most once per `repairGap`.
    package static let leastRepair = 4
    /// The number of SNAPSHOT parts in the first burst. Each further burst has twice as many, up to
    /// `mostSnapshotParts`.
    package static let firstBurst = 16
    /// The largest number of SNAPSHOT parts that are sent in one burst. A receive buffer of 212,992 bytes, the default
    /// of Linux, holds about 92 datagrams of 1,232 bytes.
    package static let mostSnapshotParts = 64
    /// The largest number of SNAPSHOT parts that the server sends from a lost part on.
    package static let resentParts = 8
    /// The rate limit for SNAPSHOT parts and DELTAs in repairs, for all members together. This is about 25 MB/s, which
    /// takes a tenth of a core.
    package static let repairRate = Rate(perSecond: 20_000, burst: 20_000)
    /// The largest number of DELTAs in one repair.
    package static let deltasPerHeartbeat = 16
    /// The largest number of DELTAs that the server keeps for repairs.
    package static let deltaLog = 4_096
    /// The largest number of frozen snapshots that the server keeps.
    package static let frozenSnapshots = 4
    /// The shortest time for which a frozen snapshot is young. While it is young, the server freezes no newer one.
    package static let snapshotAge = Duration.seconds(1)
    /// The largest number of datagrams that the server's state machine seals in one call. It is also the largest number
    /// of sessions that the server ends in one call. So a call takes at most a few milliseconds.
    package static let slice = 256
    /// A peer removes at most this number of missing members, and at most this number of former sessions, in one call.
    /// So a call takes about 10 ms.
    package static let formerSlice = 2_048
    /// A PULSE to all members is sealed without pauses if it needs at most this number of slices.
    package static let pulseSlicesWithoutPause = 4
    /// A PULSE of more than `pulseSlicesWithoutPause` slices is spread over this percentage of the heartbeat interval.
    ///
    /// Members send heartbeats 0.5 to 0.9 of an interval after a PULSE. If they all received the PULSE at once, the
    /// server would get 2.5 times as many heartbeats per second at that time as on average.
    package static let pulseSpread = 75
    /// The number of members that may be late at the same time. A member is late if it has given no proof of life for
    /// two thirds of the lifetime (PROTOCOL.md, section 6.8). If more members are late, a common cause is likely, and
    /// members get more time before they expire.
    ///
    /// In a large mesh, `mostLateShare` percent of all members may be late, if that is more than `mostLate`. But no
    /// member may be late while more than `crowd` members, and more than `mostLateShare` percent of all members, have
    /// joined within the last five lifetimes.
    package static let mostLate = 8
    package static let mostLateShare = 15
    package static let crowd = 64
    /// The number of lifetimes by which the expiry of late members is postponed while so many members are late that a
    /// common cause is likely.
    package static let suspicionLifetimes = 4
    /// The shortest time between two publications of changes of the directory.
    package static let tick = Duration.milliseconds(20)
    /// The lowest rate limit for the DELTAs that publish changes of the directory, for all members together. A DELTA
    /// with six entries takes about 250 µs of its receiver's CPU time. So if all members run on the same two cores,
    /// DELTAs at this rate take a third of both cores.
    package static let fanOutRate = Rate(perSecond: 2_500, burst: 1_000)
    /// The rate limit for DELTAs per member: two per second, with a burst of two. `fanOutRate(members:percent:)`
    /// multiplies it by the number of members.
    package static let memberFanOutRate = Rate(perSecond: 2, burst: 2)

    /// The highest pace of full DELTAs (`FanOutPace`), in percent of the ordinary rate limit for DELTAs.
    package static let mostFanOutPace = 400

    /// Returns the rate limit for DELTAs to all members together, in a mesh of `members` members.
    ///
    /// - Parameter percent: The pace in percent, from 100 to `mostFanOutPace`.
    package static func fanOutRate(members: Int, percent: Int = 100) -> Rate {
        let least = memberFanOutRate.scaled(by: members)
        return Rate(
            perSecond: max(fanOutRate.perSecond, least.perSecond) * percent / 100,
            burst: max(fanOutRate.burst, least.burst))
    }

    /// The number of unlisted members (members that wait to be published in the directory) from which on the server
    /// rejects HELLOs. From twice this number on, it also refuses CONFIRMs.
    package static let unlistedMembers = 1_024
    /// The shortest heartbeat interval that a server may set. A peer uses it in place of a shorter one.
    package static let shortestHeartbeat = Duration.milliseconds(20)
    /// The largest number of ended sessions that a server or a peer remembers, so that it accepts none of them again.
    package static let removedSessions = 65_536
    /// The largest number of recent secrets, from which the tokens in PULSEs are made, that a server keeps.
    package static let pulseSecrets = 256

    // Peers.
    /// The largest number of entries in a directory.
    package static let directoryEntries = 65_536
    /// The largest number of names for which a peer remembers the last key. The directory can list only two thirds as
    /// many names, so at least a third of the names in a full table are not in the directory and can be evicted.
    package static let knownNames = 98_304
    /// The upper limit of the pause after the first refusal by a server that does not let the peer's key join. After
    /// the pause, the peer asks this server again. The limit doubles with each further refusal, up to
    /// `longestExclusionPause`.
    package static let exclusionPause = Duration.seconds(2)
    /// The largest upper limit of the pause after a refusal.
    package static let longestExclusionPause = Duration.seconds(300)
    /// The largest number of parts of a SNAPSHOT that a peer accepts.
    package static let snapshotParts = 16_384
    /// The largest number of DELTAs that a peer buffers until it has the DELTAs before them.
    package static let earlyDeltas = 64
    /// The largest number of MESSAGE datagrams that a peer buffers until it has joined, and the largest number of bytes
    /// in these datagrams.
    package static let earlyMessages = 64
    package static let earlyMessageBytes = 131_072
    /// The largest number of heartbeats for which a peer remembers the send time.
    package static let sentHeartbeats = 256
    /// The rate limit for the heartbeats with which a peer only asks for more of the directory. All heartbeats of a
    /// peer together stay within `memberRate`.
    package static let requestRate = Rate(perSecond: 7, burst: 32)

    /// Returns the rate limit for heartbeats with which a peer only asks for more of the directory. The limit grows
    /// with the rate of the periodic heartbeats, as `memberRate` does.
    package static func requestRate(heartbeatInterval: Duration) -> Rate {
        let allowed = memberRate(heartbeatInterval: heartbeatInterval)
        return requestRate.scaled(by: allowed.perSecond / memberRate.perSecond)
    }

    /// The largest number of ended sessions of other members that a peer remembers while its own session lasts. The
    /// peer remembers only sessions with which it had computed keys. When it has reached this number, it joins again.
    package static let retiredSessions = 65_536
    /// The rate limit for computing keys with new senders whose message comes from the address in the sender's
    /// directory entry.
    package static let agreementRate = Rate(perSecond: 200, burst: 200)
    /// The rate limit for computing keys with new senders whose message comes from an address that is not in the
    /// sender's directory entry.
    package static let strayAgreementRate = Rate(perSecond: 100, burst: 100)
    /// The rate limit for computing keys with new senders that this peer has sent messages to. Their first datagrams
    /// are expected, because they acknowledge these messages. This work takes about a third of a core at most.
    package static let answerAgreementRate = Rate(perSecond: 2_000, burst: 1_000)
    /// The largest number of senders with which a peer has computed keys, but from which it has not yet opened a
    /// datagram.
    package static let unprovenPairs = 16_384
    /// The largest number of replaced sessions from which a peer has decrypted no datagram, but whose first messages it
    /// still accepts.
    package static let replacedStrangers = 4_096
    /// The default rate limit for the messages of one sender at a receiver.
    package static let messageRate = Rate(perSecond: 200, burst: 400)
    /// The rate limit for the bytes in one sender's messages. Per second, it is an eighth of `totalMessageByteRate`.
    /// The burst is a quarter of the burst of `totalMessageByteRate`.
    package static let messageByteRate = Rate(perSecond: 1 << 20, burst: 2 << 20)
    /// The rate limit for the bytes in the messages of all senders together. To receive messages at this rate takes
    /// about a third of a core.
    package static let totalMessageByteRate = Rate(perSecond: 8 << 20, burst: 8 << 20)

    /// Returns the rate limit that a sender keeps if the receiver accepts `rate`. The sender's burst is three quarters
    /// of the receiver's burst. The rest covers messages that are delayed on their way and then delivered together.
    package static func sendRate(within rate: Rate) -> Rate {
        Rate(perSecond: rate.perSecond, burst: rate.burst * 3 / 4)
    }

    /// The largest number of broadcasts that are not yet sealed for all of their receivers.
    package static let waitingBroadcasts = 256
    /// The largest number of bytes of the broadcasts that are not yet sealed for all of their receivers. The bodies and
    /// the identities of the receivers are counted.
    package static let waitingBroadcastBytes = 16 << 20
    /// The time, counted from the call of `broadcast`, after which a broadcast is dropped if it is not yet sealed for
    /// all of its receivers.
    package static let broadcastLifetime = Duration.seconds(10)
    /// The CPU time, in nanoseconds, that a peer may spend on sealing broadcasts before it handles other work. The time
    /// is estimated with `pairCost`, `sealCost` and `sealedByteCost`.
    package static let sealSlice: Int64 = 4_000_000
    /// The time from the beginning of one slice of sealing (`sealSlice`) to the beginning of the next slice.
    package static let sealInterval = Duration.milliseconds(8)
    /// The assumed cost of computing the keys with a new receiver, in nanoseconds of CPU time: one verified signature
    /// and one X25519 agreement.
    package static let pairCost: Int64 = 150_000
    /// The assumed cost of sealing and sending a message, in nanoseconds of CPU time. For each byte of the message,
    /// `sealedByteCost` is added.
    package static let sealCost: Int64 = 5_000
    /// The assumed cost of each byte of a sealed message, in nanoseconds of CPU time.
    package static let sealedByteCost: Int64 = 2

    // Acknowledgments.
    /// The largest number of a peer's messages that wait for acknowledgments.
    package static let unacknowledgedMessages = 256
    /// The largest number of bytes of a peer's messages that wait for acknowledgments. The bodies, and 96 bytes per
    /// receiver, are counted.
    package static let unacknowledgedBytes = 16 << 20
    /// The largest number of deliveries whose results are kept until the program asks for them. A result says which
    /// receivers have acknowledged a message.
    package static let finishedDeliveries = 1_024
    /// The largest number of receivers in all kept results of deliveries together. If only one result is kept, it may
    /// have more.
    package static let finishedReceivers = 65_536
    /// The time after which a message that lacks an acknowledgment is repeated. After `steadyRepeats` repeats, the time
    /// doubles with each repeat, up to `longestRepeat`.
    package static let firstRepeat = Duration.milliseconds(250)
    /// The number of repeats after which the gap between repeats begins to double. Until then, the gap is
    /// `firstRepeat`, plus jitter and, for a message to all, the spread of the ACKs. If more than `steadyMessages`
    /// messages wait for acknowledgments, the gap doubles from the first repeat on.
    ///
    /// Without spread and jitter, a message is sent 12 times in the first 3 s. If a network loses 20 % of the datagrams
    /// in each direction, an attempt fails with a probability of 0.36 (1 − 0.8 · 0.8). So of the messages to 50
    /// receivers, about one in 4,000 lacks an ACK after 3 s (0.36¹² · 50).
    ///
    /// If the gap doubled from the first repeat on, a message would be sent four times in 3 s. Then more than half of
    /// the messages would lack an ACK (1 − (1 − 0.36⁴)⁵⁰ = 0.57).
    package static let steadyRepeats = 12
    /// The largest number of waiting messages with which the gap between repeats stays the same for `steadyRepeats`
    /// repeats. If more messages wait for acknowledgments, the gap doubles from the first repeat on. Then a receiver is
    /// probably gone, or the network is congested.
    package static let steadyMessages = 16
    /// The longest gap between two repeats of a message, without jitter and spread.
    package static let longestRepeat = Duration.seconds(2)
    /// The longest time for which a message waits for acknowledgments.
    package static let longestDelivery = Duration.seconds(60)
    /// The rate limit for the acknowledgments that a peer sends.
    package static let acknowledgmentRate = Rate(perSecond: 2_000, burst: 4_000)
    /// The largest number of acknowledgments that a peer holds back at the same time.
    package static let delayedAcknowledgments = 4_096
    /// The time over which the members spread the acknowledgments of a broadcast, in nanoseconds per member. The sender
    /// needs less than this time to verify one acknowledgment.
    package static let spreadPerMember: Int64 = 200_000
    /// The longest time over which the acknowledgments of a broadcast are spread.
    package static let longestSpread = Duration.seconds(2)

    /// Returns the time over which the acknowledgments of a broadcast are spread in a mesh of `members` members.
    package static func acknowledgmentSpread(members: Int) -> Duration {
        min(.nanoseconds(spreadPerMember * Int64(members)), longestSpread)
    }

    /// The longest time for which a leaving peer goes on sending the broadcasts that are not yet sent to all receivers.
    package static let leaveFlush = Duration.seconds(1)
    /// The largest number of heartbeat intervals for which a peer that has run late itself waits for its server. The
    /// intervals are counted from the send time of the newest heartbeat that a fresh PULSE has echoed.
    package static let postponedSilence = 20
    /// The shortest time between two reports of the same condition of a connection.
    package static let reportInterval = Duration.seconds(60)
    /// The time after which an incomplete directory is reported, if no further part of it has arrived.
    package static let directoryPatience = Duration.seconds(5)
    /// The largest number of addresses that a process remembers because it could not send a datagram to them.
    package static let unreachableAddresses = 256
    /// The number of LEAVEs that a leaving peer sends.
    package static let leaveRepeats = 3
    /// The time between two LEAVEs.
    package static let leaveGap = Duration.milliseconds(50)

    // Runtime.
    /// The largest number of addresses of one server that a peer sends HELLOs to.
    package static let serverAddresses = 8
    /// The number of threads that look up host names.
    package static let lookupThreads = 2
    /// The pauses between lookups of the server's name while a peer joins. The last pause repeats.
    package static let lookupPauses: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(5)]
    /// The time after which a server reads the addresses of its host again.
    package static let hostAddressInterval = Duration.seconds(5)
    /// The size, in bytes, of the receive buffer that is requested for each socket, except for sockets that receive
    /// from strangers only.
    package static let receiveBuffer = 8 << 20
    /// The size, in bytes, of the receive buffer of a socket that receives from strangers only. In a larger buffer,
    /// datagrams would wait too long to be of use.
    package static let strangerReceiveBuffer = 256 << 10
    /// The size, in bytes, of the send buffer that is requested for each socket.
    package static let sendBuffer = 4 << 20
    /// The part of the send buffer, in bytes, for answers to addresses that may not exist. Each of these addresses
    /// takes an entry in the system's neighbor table (ARP, NDP). By default that table holds some hundreds of entries,
    /// and members need entries too.
    package static let answerBuffer = 128 << 10
    /// The largest number of events that wait for one consumer. In a server, the limit is twice the largest number of
    /// members, if that is more. `eventBytes` limits the bytes of the messages among the events.
    package static let events = 4_096
    /// The largest number of bytes of the messages among the events that wait for one consumer.
    package static let eventBytes = 16 << 20
    /// The longest time for which a server that is stopping sends GOODBYE to its members.
    package static let stopTime = Duration.milliseconds(800)
    /// The largest number of strangers' datagrams that wait until members' datagrams have been handled.
    package static let strangerQueue = 4_096
    /// The largest number of datagrams that wait in a process until a socket can send them.
    package static let sendQueue = 4_096
    /// The largest number of datagrams that a socket sends with one system call.
    package static let sendBatch = 16
    /// The largest number of event loops that share the members of a server.
    package static let eventLoops = 64
    /// The largest number of datagrams that wait for one lane to send them. It is also the largest number of datagrams
    /// that one lane has accepted and that wait for the registry.
    package static let laneQueue = 65_536
    /// The time for which a socket that has lost its address tries to bind it again. Then `run()` ends with an error.
    package static let rebindTime = Duration.seconds(5)
    /// The time within which the log has at most one line per reason of refusals or losses.
    package static let logInterval = Duration.seconds(10)
    /// The longest wait for the next byte of a pipe that is read in place of a file.
    package static let pipePatience = Duration.seconds(10)
    // Passphrases of secret keys.
    /// The largest size of a passphrase, in bytes.
    package static let passphrase = 1_023
    /// The default cost of Argon2id: `argonPasses` passes and `argonMemory` MiB. RFC 9106, section 4, recommends this
    /// cost where memory is scarce.
    package static let argonPasses = 3
    package static let argonMemory = 64
    /// The largest cost that a key file may demand: `mostArgonPasses` passes and `mostArgonMemory` MiB. So a hostile
    /// file takes some seconds of CPU time at most.
    package static let mostArgonPasses = 10
    package static let mostArgonMemory = 256
    // Sizes of files, in bytes.
    /// The size that the file of a secret key must stay below.
    package static let secretKeyFile = 4_096
    /// The largest size of the file of a public key.
    package static let publicKeyFile = 65_536
    /// The largest size of a file of authorized peers.
    package static let rosterFile = 16 << 20
}
