package import SecureMeshCore

/// The rules that no mesh may ever break: one set for the simulated worlds, the self-test, the fuzzers and the unit
/// tests.
///
/// The invariants know which peer sent which message to whom, and when each key was revoked. They learn everything else
/// from the machines' public state. Identities are indices. Several processes may have the same identity, one after the
/// other or at the same time.
package struct Invariants: Sendable {
    package private(set) var failure: Failure?
    /// False in large meshes, where checks that cost O(n²) are left out.
    package let isClose: Bool
    /// True if no `WatchedPrimitives` check the nonces, so that `sent` checks them by the headers of the datagrams.
    let checksNonces: Bool
    let trust: Duration
    let lifetime: Duration
    let rekey: Duration
    /// The largest delay that a sweep of the server may have because its processors are busy.
    package var lateness = Duration.zero
    /// The greatest difference between two clocks, in millionths.
    private let drift: Int
    // Datagrams.
    /// A bit for each flight that a machine has accepted, by id.
    var accepted: [UInt64] = []
    /// A bit for each flight that a machine has refused as untrusted, before or after its counter was used up, by id.
    var refusedUntrusted: [UInt64] = []
    var counters: [Direction: UInt64] = [:]
    /// The HELLOs, WELCOMEs and REJECTs, by their clear fields, which contain a fresh key or salt.
    var handshakes: [[UInt8]: [UInt8]] = [:]
    // Messages.
    var messages: [Message] = []
    // Membership.
    /// The sessions that each identity has confirmed.
    var confirmedSessions: [Int: Set<UInt64>] = [:]
    var joins: [Int: Int] = [:]
    /// The identities that have ever sent LEAVE. A LEAVE of long ago may still be under way.
    var leavers: Set<Int> = []
    /// The identities of members that cheat. The server may end their sessions for any reason.
    package var cheats: Set<Int> = []
    /// True while the server stops, and sends GOODBYE to all members.
    package var isStopping = false
    var revokedAt: [Int: Instant] = [:]
    /// The time at which a proof of life last reached the server, by identity.
    var lastProof: [Int: Instant] = [:]
    /// The time at which the server last accepted a CONFIRM, by identity.
    var confirmedAt: [Int: Instant] = [:]
    /// The time before which the server must expire nobody, because it was paused and could not hear its members.
    var expiresNobodyUntil = Instant(nanoseconds: 0)
    /// True if the server has suspected, since its start, that many members are late for a common cause.
    var isSuspicious = false
    /// The time at which the newest suspicion ended; nil while it lasts. Members that had more time because of it
    /// expire at that time.
    var suspicionEndedAt: Instant?
    /// The time from which the server has run without a break.
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
        /// True if its sender asks for acknowledgments, and so repeats it.
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

    /// Returns the time in which the slowest clock advances by `duration`, and 2 ms more.
    func stretched(_ duration: Duration) -> Duration {
        duration + duration / 1_000_000 * drift + .milliseconds(2)
    }

    /// Returns the time in which the fastest clock advances by `duration`, less 2 ms.
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
