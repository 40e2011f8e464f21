package import SecureMesh
internal import Synchronization

/// Reports the state of a peer, and sends messages through it.
package final class PeerInspector: ControlledProcess {
    private struct State {
        var history = MemberHistory()
        var link = ServerLink.State.joining
        var linkSince: Timestamp
        var problem: Problem?
        var slowness: Problem?
        /// True from the time at which `follow(_:)` sets a new `MeshPeer` until this new peer joins. During this time,
        /// `history` has the members that the previous `MeshPeer` knew.
        var hasOldMembers = false
    }

    package let feed = ControlFeed()
    private let current: Mutex<MeshPeer>
    let name: PeerName
    private let key: PublicKey
    private let server: ServerAddress
    private let serverKeys: [PublicKey]
    private let publicKeyFile: String?
    let identity: ProcessIdentity
    private let state: Mutex<State>

    package init(
        _ peer: MeshPeer, name: PeerName, key: PublicKey, server: ServerAddress, serverKeys: [PublicKey],
        publicKeyFile: String?, identity: ProcessIdentity
    ) {
        current = Mutex(peer)
        self.name = name
        self.key = key
        self.server = server
        self.serverKeys = serverKeys
        self.publicKeyFile = publicKeyFile
        self.identity = identity
        state = Mutex(State(linkSince: identity.startedAt))
    }

    /// The peer that runs; if no peer runs, the peer that ran last.
    var peer: MeshPeer { current.withLock { $0 } }

    /// Makes `next` the peer whose state is reported. Called when the previous peer has left.
    package func follow(_ next: MeshPeer) {
        current.withLock { $0 = next }
        let now = identity.clock.now
        state.withLock { state in
            (state.link, state.linkSince, state.problem, state.slowness) = (.joining, now, nil, nil)
            state.hasOldMembers = true
        }
    }

    /// Applies each event of the peer to the reported state, and publishes the event. Returns when the events end.
    package func follow(_ events: MeshEvents<PeerEvent>) async {
        for await event in events {
            let now = identity.clock.now
            if missesMembers(before: event), let members = try? await peer.members() {
                state.withLock { $0.history.replace(members, at: now) }
            }
            let hint = exclusionHint(event)
            state.withLock { note(event, at: now, hint: hint, in: &$0) }
            let time = identity.clock.onHost(now)
            feed.publish { ControlEvent(event, at: time) }
        }
    }

    /// Applies an event to the reported state without waking a task, if the event is a message or a change of the
    /// members, and no stream subscribes to events.
    ///
    /// - Returns: True if this call applied the event. The caller must then not give the event to `follow`, which would
    ///   apply it again.
    package func applies(_ event: PeerEvent) -> Bool {
        guard feed.count == 0 else { return false }
        switch event {
        case .message, .memberJoined, .memberRejoined, .memberLeft:
            let now = identity.clock.now
            state.withLock { note(event, at: now, in: &$0) }
            return true
        default: return false
        }
    }

    /// Returns true if members may have joined or left before `event` without an event that reports it.
    private func missesMembers(before event: PeerEvent) -> Bool {
        switch event {
        case .missed: return true
        case .joined:
            return state.withLock { state in
                defer { state.hasOldMembers = false }
                return state.hasOldMembers
            }
        default: return false
        }
    }

    /// Advice for the user of this peer if `event` says that the server does not let its key join; nil for all other
    /// events. The advice depends on a file, which is read here and not while `state` is locked.
    private func exclusionHint(_ event: PeerEvent) -> String? {
        guard case .excluded(let exclusion, _, _) = event else { return nil }
        return key.admissionHint(as: name, file: publicKeyFile, isRevoked: exclusion == .revoked)
    }

    private func note(_ event: PeerEvent, at now: Timestamp, hint: String? = nil, in state: inout State) {
        switch event {
        case .joined, .connectionRecovered:
            (state.link, state.linkSince, state.problem) = (.joined, now, nil)
        case .trustRestored:
            if state.link != .joined { (state.link, state.linkSince) = (.joined, now) }
            state.problem = nil
        case .connectionLost, .dismissed:
            if state.link == .joined { (state.link, state.linkSince) = (.lost, now) }
            if case .dismissed(let dismissal) = event {
                state.problem = Problem(
                    "dismissed", .error, "the server ended the session: \(Departure(dismissal).summary)",
                    hint: dismissal.hint, since: now)
            }
        case .refused(let delay, _):
            let refusal = JoinRefusal(delay)
            state.problem = Problem(
                "refused", .error, "turned away: \(refusal.summary)", hint: refusal.hint, since: now)
        case .excluded:
            state.problem = Problem(
                "refused", .error, "the server does not let this key join as \(name)", hint: hint, since: now)
        case .unanswered:
            guard state.problem?.code != "unanswered" else { return }
            state.problem = Problem(
                "unanswered", .error, "no answer from \(server)",
                hint: "either no server runs there, or it does not hold the pinned key, or the network drops UDP",
                since: now)
        case .lookupFailed(let reason):
            state.problem = Problem("lookupFailed", .error, "cannot look up \(server): \(reason)", since: now)
        case .serverLocated:
            if state.problem?.code == "lookupFailed" { state.problem = nil }
        case .slowRoundTrip(let measured, let bearable):
            state.slowness = Problem(
                "slowRoundTrip", .warning,
                "the round trip to \(server) takes \(measured), and the server's heartbeat allows \(bearable)",
                hint: "start the server with a longer --heartbeat and --lifetime", since: now)
        case .unreachable(nil, let address, let refusal):
            state.problem = Problem(
                "unreachable", .error, "cannot send to the server at \(address): \(refusal.summary(address))",
                hint: refusal.hint(address), since: now)
        case .directoryStalled:
            state.problem = Problem(
                "directoryStalled", .error, "the server \(server) is alive, but its list of members does not arrive",
                hint: SendRefusal.sizeHint, since: now)
        case .trustEnded:
            state.problem = Problem(
                "trustEnded", .error, "messages stop: \(server) does not confirm the list of members", since: now)
        case .memberJoined(let member): state.history.noteJoin(member, at: now)
        case .memberRejoined(let member, _): state.history.noteRejoin(member, at: now)
        case .memberLeft(let member, let departure): state.history.noteDeparture(member, departure, at: now)
        case .message(let message): state.history.noteMessage(from: message.sender)
        case .left, .ended:
            (state.link, state.linkSince) = (.ended, now)
        case .unreachable, .nameMoved, .missed: break
        }
    }

    /// The error of a message that this peer may not send, with the reason if it is known.
    func notJoined() async -> ControlError {
        let problem = await report(listsMembers: false).status.problems.first { $0.severity == .error }
        return ControlError(
            .notJoined, "the peer may not send messages at the moment\(problem.map { ": \($0.message)" } ?? "")",
            hint: problem?.hint ?? "with a longer --timeout the command waits until it may")
    }

    package func report(listsMembers: Bool) async -> StatusReport {
        let now = identity.clock.now
        // The four calls run concurrently, so they usually wait for one pass of the event loop and not for four.
        async let bound = peer.boundAddress
        async let losses = peer.losses()
        async let rejections = peer.rejections()
        let condition = try? await peer.condition()
        // The lock is held only for this copy.
        var state = state.withLock { $0 }
        if let condition, isOver(state.problem, condition) { state.problem = nil }
        let (link, since) = (state.link, state.linkSince)
        var all = problems(state)
        if link == .lost, !isDismissed(state), condition?.isTrusted == false {
            all.append(
                Problem(
                    "untrusted", .error,
                    "the list of members is too old to be trusted: no messages are sent or delivered",
                    hint: "messages go on when the server answers", since: since))
        }
        let isCertain = link == .joined
        let address = try? await bound
        let status = MeshStatus(
            time: now, role: .peer, name: name.description, version: identity.version, process: identity.process,
            startedAt: identity.startedAt, addresses: [address].compactMap { $0?.description },
            fingerprint: key.fingerprint, publicKey: key.description,
            server: ServerLink(
                configured: server.description, publicKeys: serverKeys.map(\.description),
                address: condition?.server?.description, state: link, since: since,
                maySend: condition?.maySend ?? false, roundTrip: condition?.roundTrip?.wholeNanoseconds),
            problems: all, counts: counts(isCertain, now),
            lostDatagrams: ((try? await losses) ?? DatagramLosses()).byReason,
            refusedDatagrams: ((try? await rejections) ?? RejectionCounters()).byReason,
            streams: feed.count)
        return StatusReport(
            status, members: listsMembers ? members(state, isCertain, now) : nil,
            correction: identity.clock.correction)
    }

    /// Returns true if a problem has ended without an event that says so.
    private func isOver(_ problem: Problem?, _ condition: PeerCondition) -> Bool {
        switch problem?.code {
        case "directoryStalled": !condition.isDirectoryStalled
        case "unreachable": condition.isConnected
        default: false
        }
    }

    /// Returns true if the server has ended the session, or refuses this peer. Then the server is not lost.
    private func isDismissed(_ state: State) -> Bool {
        state.problem?.code == "dismissed" || state.problem?.code == "refused"
    }

    /// Returns the number of members in each state.
    ///
    /// - Parameter isCertain: True if the peer is connected to its server. Otherwise all members count as suspects.
    private func counts(_ isCertain: Bool, _ now: Timestamp) -> [String: Int] {
        state.withLock { state in
            state.history.counts(late: isCertain ? 0 : state.history.present.count, now)
        }
    }

    private func members(_ state: State, _ isCertain: Bool, _ now: Timestamp) -> [ListedMember] {
        let (link, since) = (state.link, state.linkSince)
        var history = state.history
        let members = history.present.values.map { presence in
            var member = ListedMember(
                presence.member, isCertain ? .alive : .suspect, since: isCertain ? presence.since : since,
                reason: isCertain ? nil : link == .ended ? .disconnected : .serverSilent)
            member.receivedMessages = presence.messages
            member.roundTrip = presence.roundTrip.map(UInt64.init(clamping:))
            return member
        }
        return members + history.absences(now).map(ListedMember.init)
    }

    private func problems(_ state: State) -> [Problem] {
        var problems: [Problem] = []
        switch state.link {
        case .joined: break
        case .joining:
            if state.problem == nil {
                problems.append(
                    Problem(
                        "joining", .error, "not a member yet", hint: "joining takes some seconds at most",
                        since: state.linkSince))
            }
        case .lost where isDismissed(state): break
        case .lost:
            problems.append(
                Problem(
                    "connectionLost", .error, "lost the server at \(server)",
                    hint: "the peer keeps asking it; until it is back, members are listed as suspect",
                    since: state.linkSince))
        case .ended:
            problems.append(Problem("ended", .error, "this peer has left the mesh", since: state.linkSince))
        }
        return problems + [state.problem, state.slowness].compactMap { $0 }
    }

    package func check(_ filter: EventFilter) {}

    package func reload() async throws(ControlError) -> ReloadReport {
        throw ControlError(.wrongRole, "a peer has no list to read", hint: "reload the server")
    }

    /// Stores the newest measured round trip to a member.
    func note(_ roundTrip: Duration, to key: PublicKey) {
        state.withLock { $0.history.noteRoundTrip(roundTrip, to: key) }
    }

    /// Returns the keys of those members in `members` that have left the mesh.
    func gone(_ members: [Member]) -> Set<PublicKey> {
        state.withLock { state in
            Set(members.map(\.publicKey).filter { !state.history.present.contains($0) })
        }
    }

    /// Returns the time and the reason of the newest departure of a former member with this name; nil if no former
    /// member with this name is remembered.
    func absence(named name: String) -> MemberHistory.Absence? {
        state.withLock { $0.history.absence(named: name) }
    }
}
