package import SecureMeshCore

/// The rules that no mesh may ever break: one set for the simulated worlds, the self-test, the fuzzers and the unit
/// tests.
///
/// The invariants know which peer sent which message to whom, and when each key was revoked. They learn everything else
/// from the machines' public state. Each identity has an index. Several processes may have the same identity, one after
/// the other or at the same time.
package struct Invariants: Sendable {
    package private(set) var failure: Failure?
    /// True if everything is checked. In large meshes it is false, and checks that cost O(n²) are left out.
    package var isClose: Bool
    /// True if `sent` checks the nonces by the headers of the datagrams. It is false if `WatchedPrimitives` check them,
    /// and in large meshes.
    let checksNonces: Bool
    let trust: Duration
    let lifetime: Duration
    let rekey: Duration
    /// The largest delay that a sweep of the server may have because the processors of its host are busy.
    package var lateness = Duration.zero
    /// The greatest difference between the speeds of two clocks, in parts per million.
    private let drift: Int
    // Datagrams.
    /// The ids of the datagrams that a machine has accepted, with one bit per id.
    var accepted: [UInt64] = []
    /// The ids of the datagrams that a machine has refused as untrusted or has buffered, with one bit per id. The
    /// counter of such a datagram may or may not be used up.
    var untrusted: [UInt64] = []
    var counters: [Direction: UInt64] = [:]
    /// The HELLOs, WELCOMEs and REJECTs, by their unencrypted fields, which contain a fresh key or salt.
    var handshakes: [[UInt8]: [UInt8]] = [:]
    // Messages.
    var messages: [Message] = []
    // Membership.
    /// The sessions that each identity has confirmed.
    var confirmedSessions: [Int: Set<UInt64>] = [:]
    /// The identities that a starting server has kept and not announced as members yet.
    var announcing: Set<Int> = []
    /// The time until which the server waits for the CONFIRM of each identity that it has kept.
    var keptUntil: [Int: Instant] = [:]
    var joins: [Int: Int] = [:]
    /// The identities that have ever sent LEAVE. A LEAVE of long ago may still be under way.
    var leavers: Set<Int> = []
    /// The identities of members that cheat. The server may end their sessions for any reason.
    package var cheats: Set<Int> = []
    /// True while the server is stopping and sends GOODBYE to all members.
    package var isStopping = false
    var revokedAt: [Int: Instant] = [:]
    /// For each identity, the time at which the server last received a proof of life: a CONFIRM, or a HEARTBEAT with
    /// a recent token.
    var lastProof: [Int: Instant] = [:]
    /// For each identity, the time at which the server last accepted a CONFIRM.
    var confirmedAt: [Int: Instant] = [:]
    /// The time before which the server must not expire any member, because it was paused and could not hear them.
    var expiresNobodyUntil = Instant(nanoseconds: 0)
    /// True if, since its start, the server has ever suspected that many members are late for the same reason.
    var isSuspicious = false
    /// The end of the server's newest suspicion that many members are late; nil before the first end, and while a
    /// suspicion lasts. With the suspicion, the extra time of late members ends, so they may expire at once.
    var suspicionEndedAt: Instant?
    /// The time since which the server has run without a break.
    var serverSteadySince = Instant(nanoseconds: 0)
    var served: (epoch: UInt64, version: UInt64) = (0, 0)

    package struct Failure: Sendable {
        package let reason: String
        /// The indices of the peers involved.
        package let peers: [Int]
        package let at: Instant
    }

    struct Direction: Hashable {
        let to: UInt64
        let from: UInt64
    }

    struct Message {
        let sender: Int
        let name: PeerName
        /// The identity of the receiver; nil for all members.
        let audience: Int?
        let size: Int
        /// True if the sender asks for acknowledgments, and therefore may send the message several times.
        let isRepeated: Bool
        let sentAt: Instant
        var number: UInt64?
        /// The identities that have received the message, with one bit per identity.
        var receivers: [UInt64] = []
    }

    init(_ configuration: Registry.Configuration, drift: Int, isClose: Bool, isWatched: Bool) {
        self.isClose = isClose
        checksNonces = isClose && !isWatched
        trust = configuration.trust
        lifetime = configuration.lifetime
        rekey = configuration.rekey
        self.drift = 2 * drift
    }

    /// Records a failure, unless there is one already.
    package mutating func fail(_ reason: @autoclosure () -> String, peers: [Int] = [], now: Instant) {
        if failure == nil { failure = Failure(reason: reason(), peers: peers, at: now) }
    }

    /// Checks that no table and no queue has grown beyond its limit.
    mutating func check(_ usages: [Usage], of owner: Int?, now: Instant) {
        for usage in usages where !usage.isKept {
            let involved = [owner].compactMap(\.self)
            fail("\(usage.count) \(usage.name), and \(usage.limit) are the limit", peers: involved, now: now)
        }
    }

    /// Returns the time in which the slowest clock advances by `duration`, plus 2 ms.
    func stretched(_ duration: Duration) -> Duration {
        duration + duration / 1_000_000 * drift + .milliseconds(2)
    }

    /// Returns the time in which the fastest clock advances by `duration`, minus 2 ms.
    func shrunk(_ duration: Duration) -> Duration {
        duration - duration / 1_000_000 * drift - .milliseconds(2)
    }
}

/// A set of small numbers, with one bit per number.
extension [UInt64] {
    func has(_ number: Int) -> Bool { count > number / 64 && self[number / 64] & 1 << UInt64(number % 64) != 0 }

    mutating func insert(_ number: Int) {
        if count <= number / 64 { append(contentsOf: repeatElement(0, count: number / 64 + 1 - count)) }
        self[number / 64] |= 1 << UInt64(number % 64)
    }
}
