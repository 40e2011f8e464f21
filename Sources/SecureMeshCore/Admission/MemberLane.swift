/// The division of a server's members among its event loops.
///
/// Loop 0 runs the registry, and each other loop runs a lane. The kernel delivers a member's datagrams to the socket of
/// the member's loop (`PacketFilter`).
package struct LaneDivision: Hashable, Sendable {
    /// The number of event loops, including the loop of the registry.
    package let loops: UInt8

    package init(loops: UInt8 = 1) {
        self.loops = max(loops, 1)
    }

    /// Returns the loop that receives a session's datagrams.
    ///
    /// The server chooses the number of each session at random, so no member can choose its loop.
    package func loop(of session: SessionID) -> UInt8 {
        UInt8(truncatingIfNeeded: UInt32(truncatingIfNeeded: session.rawValue) % UInt32(loops))
    }
}

/// A session that the registry hands to a lane. From then on, the lane receives the session's datagrams.
package struct LaneMember: Identifiable, Sendable {
    package let id: SessionID
    let path: Path
    var receiver: MemberReceiver
}

/// The sessions of one lane that have begun or ended since the registry's last update to that lane.
package struct LaneUpdate: Sendable {
    package internal(set) var begun: [LaneMember] = []
    package internal(set) var ended: [SessionID] = []

    package init() {}

    package var isEmpty: Bool { begun.isEmpty && ended.isEmpty }
}

/// The datagrams that a lane has accepted and refused since its last report.
package struct LaneReport: Sendable {
    /// The accepted datagrams, in the order of arrival.
    package fileprivate(set) var accepted: [AcceptedDatagram] = []
    package fileprivate(set) var refused = RejectionCounters()
    /// The source of the newest refused datagram; nil if no datagram was refused.
    package fileprivate(set) var refusedSource: SocketAddress?
    /// The number of datagrams that were within the rate limit of their member. The registry adds the cost of these
    /// datagrams to its load.
    package fileprivate(set) var worked = 0

    package init() {}

    package var isEmpty: Bool { accepted.isEmpty && refused.total == 0 }
}

/// The gates for HEARTBEAT and LEAVE on one event loop, for the members that the registry has handed to that loop
/// (PROTOCOL.md, section 6.6).
///
/// A lane does the work for which it needs only one member's session: it opens and verifies datagrams, and commits
/// their counters and numbers. It does not know the directory, and it sends nothing. The registry takes the lane's
/// reports and decides what follows from them. A session that the registry has ended stays ended, even if the lane
/// accepts more of its datagrams before the update arrives.
///
/// The inputs of a lane are `handle` and `apply`, and its output is `takeReport`.
package struct MemberLane: Sendable {
    private let context: SigningContext
    private let epoch: UInt64
    private let rate: Rate
    private var members = DenseTable<LaneMember>()
    private var ended = RecentSessions()
    private var report = LaneReport()

    init(context: SigningContext, epoch: UInt64, rate: Rate) {
        self.context = context
        self.epoch = epoch
        self.rate = rate
    }

    package var count: Int { members.count }

    package var usages: [Usage] {
        [Usage("ended sessions of a lane", ended.count, limit: Limits.removedSessions)]
    }

    /// Returns true if the datagram claims to be from a member of this lane, and comes from that member's path.
    package func isExpected(_ datagram: Span<UInt8>, path: Path) -> Bool {
        guard let header = try? Datagram(decoding: datagram).header, let session = SessionID(rawValue: header.from)
        else { return false }
        return members.index(of: session).map { members.values[$0].path == path } ?? false
    }

    /// Adds the sessions that have begun. Removes the sessions that have ended, and drops their keys.
    package mutating func apply(_ update: LaneUpdate) {
        for member in update.begun { members.set(member) }
        for session in update.ended { end(session) }
    }

    /// Accepts or refuses one datagram from the network. Never traps. The next report contains the accepted datagrams
    /// and counts the refused ones.
    package mutating func handle(_ datagram: Span<UInt8>, path: Path, now: Instant) {
        do throws(Rejection) {
            try admit(datagram, path: path, now: now)
        } catch {
            report.refused.count(error)
            report.refusedSource = path.remote
        }
    }

    /// Returns the report on all datagrams since the last call; nil if there were none.
    package mutating func takeReport() -> LaneReport? {
        guard !report.isEmpty else { return nil }
        defer { report = LaneReport() }
        return report
    }

    private mutating func admit(_ span: Span<UInt8>, path: Path, now: Instant) throws(Rejection) {
        let datagram = try Datagram(decoding: span)
        switch datagram.header.kind {
        case .heartbeat, .leave: break
        case .hello, .retry, .welcome, .reject, .confirm, .resume, .pulse, .snapshot, .delta, .goodbye, .message, .ack:
            throw .misdirected
        }
        guard datagram.header.to == epoch else { throw .misdirected }
        guard let session = SessionID(rawValue: datagram.header.from) else { throw .unknownSession }
        guard let index = members.index(of: session) else {
            throw ended.contains(session) ? .sessionEnded : .unknownSession
        }
        let accepted = try members.values[index].receiver.admit(
            span, datagram, of: session, at: members.values[index].path, path: path, rate: rate, worked: &report.worked,
            in: context, now: now)
        report.accepted.append(accepted)
        switch accepted.content {
        case .heartbeat: break
        // The registry ends the session when it gets the report. Until then, further datagrams of the session must not
        // cost a verification.
        case .leave, .misbehaved: end(session)
        }
    }

    private mutating func end(_ session: SessionID) {
        ended.insert(session)
        members.remove(session)
    }
}
