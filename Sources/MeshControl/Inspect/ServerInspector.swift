package import SecureMesh
internal import Synchronization

/// Reports the state of a server.
package final class ServerInspector: ControlledProcess {
    /// The file with the list of authorized peers, and the function that reads it again.
    package struct List: Sendable {
        package let path: String
        /// Reads the list again, and returns the roster that replaces `old`.
        package let read: @Sendable (_ old: Roster) async throws(ControlError) -> Roster

        /// Called after each attempt to read the list again.
        package let note: @Sendable (Result<ReloadReport, ControlError>) -> Void

        package init(
            path: String, read: @escaping @Sendable (_ old: Roster) async throws(ControlError) -> Roster,
            note: @escaping @Sendable (Result<ReloadReport, ControlError>) -> Void
        ) {
            self.path = path
            self.read = read
            self.note = note
        }
    }

    private struct State {
        var history: MemberHistory
        var roster: Roster
        /// The time of the newest event that reports a suspicion. `report` asks the server whether the suspicion lasts,
        /// because the event that reports the end of the suspicion may have been dropped.
        var suspectedAt: Timestamp?
        var listFault: (error: ControlError, since: Timestamp)?
        /// The newest attempt to read the list again, which may be in progress.
        var newestReload: Task<Result<ReloadReport, ControlError>, Never>?
        /// The newest problems that concern single peers, such as a refused join, with the keys and the names of these
        /// peers.
        private(set) var refusals: [(key: PublicKey, name: PeerName, problem: Problem)] = []

        mutating func note(_ problem: Problem, of key: PublicKey, _ name: PeerName) {
            refusals.append((key, name, problem))
            if refusals.count > ControlLimits.refusals { refusals.removeFirst() }
        }

        /// Forgets that peers were turned away.
        ///
        /// - Parameter mayJoin: Returns true for the keys and the names of these peers.
        mutating func forgetTurnedAway(_ mayJoin: (PublicKey, PeerName) -> Bool) {
            refusals.removeAll { $0.problem.code == "turnedAway" && mayJoin($0.key, $0.name) }
        }

        /// Advice for the user of the server that has turned away this key.
        func hint(for refusal: JoinRefusal, _ name: PeerName, _ key: PublicKey) -> String {
            guard refusal == .notAuthorized else { return refusal.hint }
            let now = UnixTime.now
            if let listed = roster.authorized[key], listed != name, roster.allows(key, as: listed, at: now) {
                return "the list has this key as \(listed): start the peer under that name"
            }
            let other = roster.keys(of: name).filter { $0 != key && roster.allows($0, as: name, at: now) }
                .min { $0.description < $1.description }
            let command = "p2p authorize \(name) \(key)"
            // A key that has expired is still listed under its name.
            let hadPlace = roster.isRevoked(key) || roster.authorized[key] == name
            switch (other, hadPlace) {
            case (let other?, true):
                return "the key may not join any more, and the list has another key of \(name), \(other): start the "
                    + "peer again, so that it uses its new key"
            case (let other?, false):
                return "the list has another key of \(name), \(other); only if this key is to replace that one, on the "
                    + "server's host: \(command) --replace, which revokes \(other)"
            case (nil, true): return "the key may not join any more; '\(command)' on the server's host admits it again"
            case (nil, false): return "'\(command)' on the server's host lets it join"
            }
        }
    }

    package let feed = ControlFeed()
    private let server: MeshServer
    private let key: PublicKey
    private let identity: ProcessIdentity
    private let list: List?
    private let state: Mutex<State>

    /// - Parameter list: The list of authorized peers; nil for a server that anyone may join.
    package init(_ server: MeshServer, key: PublicKey, roster: Roster, list: List?, identity: ProcessIdentity) {
        self.server = server
        self.key = key
        self.identity = identity
        self.list = list
        state = Mutex(State(history: MemberHistory(roster: list == nil ? nil : roster), roster: roster))
    }

    /// Applies each event of the server to the reported state, and publishes the event. Returns when the events end.
    package func follow(_ events: MeshEvents<ServerEvent>) async {
        for await event in events {
            let now = identity.clock.now
            if case .missed = event, let members = try? await server.members() {
                state.withLock { $0.history.replace(members, at: now) }
            }
            note(event, at: now)
            let time = identity.clock.onHost(now)
            feed.publish { ControlEvent(event, at: time) }
        }
    }

    private func note(_ event: ServerEvent, at now: Timestamp) {
        state.withLock { state in
            switch event {
            case .joined(let member):
                state.history.noteJoin(member, at: now)
                state.forgetTurnedAway { key, name in key == member.publicKey || name == member.name }
            case .left(let member, let departure): state.history.noteDeparture(member, departure, at: now)
            case .turnedAway(let name, let key, let refusal):
                state.note(
                    Problem(
                        "turnedAway", .warning, "turned away \(name) \(key): \(refusal.summary)",
                        hint: state.hint(for: refusal, name, key), since: now), of: key, name)
            case .unreachable(let member, let refusal):
                state.note(
                    Problem(
                        "unreachable", .warning,
                        "cannot send to \(member.name) at \(member.address): \(refusal.summary(member.address))",
                        hint: refusal.hint(member.address), since: now), of: member.publicKey, member.name)
            case .directoryStalled(let member, _):
                state.note(
                    Problem(
                        "directoryStalled", .warning,
                        "\(member.name) at \(member.address) is alive, but the list of members does not arrive there",
                        hint: SendRefusal.sizeHint, since: now), of: member.publicKey, member.name)
            case .suspected: state.suspectedAt = now
            case .suspicionEnded, .missed: break
            }
        }
    }

    package func report(listsMembers: Bool) async -> StatusReport {
        let now = identity.clock.now
        // These calls wait for the same pass of the event loop. One after the other they would wait for several passes,
        // each of which takes some milliseconds while the server sends a PULSE to thousands of members.
        async let bound = server.boundAddresses
        async let losses = server.losses()
        async let rejections = server.rejections()
        async let suspected = server.suspectedCount
        let members = listsMembers ? await members(now) : nil
        let counts: [String: Int]
        if let members {
            counts = members.counts
        } else {
            let late = (try? await server.lateCount) ?? 0
            counts = state.withLock { $0.history.counts(late: late, now) }
        }
        let addresses = (try? await bound) ?? []
        let suspectedCount = try? await suspected
        let status = MeshStatus(
            time: now, role: .server, name: nil, version: identity.version, process: identity.process,
            startedAt: identity.startedAt, addresses: addresses.map(\.description), fingerprint: key.fingerprint,
            publicKey: key.description, server: nil,
            problems: state.withLock { Self.problems($0, suspected: suspectedCount, now) },
            counts: counts,
            lostDatagrams: ((try? await losses) ?? DatagramLosses()).byReason,
            refusedDatagrams: ((try? await rejections) ?? RejectionCounters()).byReason,
            streams: feed.count)
        return StatusReport(status, members: members, correction: identity.clock.correction)
    }

    private func members(_ now: Timestamp) async -> [ListedMember] {
        // The lock is held only for these copies.
        let (present, absent, roster) = state.withLock { state in
            (state.history.present, state.history.absences(now), state.roster)
        }
        var members = present.values.map { ListedMember($0.member, .alive, since: $0.since) }
        add(await standings(of: members.map(\.publicKey)), to: &members, now)
        members += absent.map(ListedMember.init)
        let former = Set(absent.map(\.member.publicKey))
        for (key, name) in roster.authorized where !present.contains(key) && !former.contains(key) {
            members.append(ListedMember(name, key, nil, .never))
        }
        return members
    }

    /// Returns the server's view of each member; nil for a member whose view is not available. Each call to the server
    /// reads one slice of the members, so that no call blocks the event loop for long.
    private func standings(of keys: [PublicKey]) async -> [MemberStanding?] {
        var standings: [MemberStanding?] = []
        for start in stride(from: 0, to: keys.count, by: ControlLimits.slice) {
            let slice = Array(keys[start..<min(start + ControlLimits.slice, keys.count)])
            standings += (try? await server.standings(of: slice)) ?? slice.map { _ in nil }
        }
        return standings
    }

    private func add(_ standings: [MemberStanding?], to members: inout [ListedMember], _ now: Timestamp) {
        for (index, standing) in standings.enumerated() {
            guard let standing else { continue }
            members[index].sentDatagrams = standing.sent
            members[index].receivedDatagrams = standing.received
            guard standing.isLate else { continue }
            members[index].state = .suspect
            members[index].reason = .silent
            members[index].since = Timestamp(
                milliseconds: now.milliseconds - standing.silence.wholeNanoseconds / 1_000_000)
        }
    }

    /// - Parameter suspected: The largest number of members that were late at the same sweep during the present
    ///   suspicion of a common cause; nil if there is no such suspicion.
    private static func problems(_ state: State, suspected: Int?, _ now: Timestamp) -> [Problem] {
        var problems: [Problem] = []
        if let (error, since) = state.listFault {
            problems.append(
                Problem(
                    "listRefused", .error, "\(error.message); the previous list stays in force", hint: error.hint,
                    since: since))
        }
        if let suspected {
            problems.append(
                Problem(
                    "suspicion", .error, "\(suspected.membersAre) late, probably for a common cause",
                    hint: "look at the network and the load of this host", since: state.suspectedAt))
        }
        // Problems with the same message are reported once, such as those of a peer that is refused repeatedly.
        var seen: Set<String> = []
        for refusal in state.refusals.reversed().map(\.problem) {
            guard let since = refusal.since, now - since < ControlLimits.refusalTime else { break }
            if seen.insert(refusal.message).inserted { problems.append(refusal) }
        }
        return problems
    }

    package func check(_ filter: EventFilter) throws(ControlError) {
        guard filter.kinds != [.message] else {
            throw ControlError(.wrongRole, "a server receives no messages", hint: "read them at a peer")
        }
    }

    package func send(_ request: SendRequest) async throws(ControlError) -> SendReport {
        throw ControlError(
            .wrongRole, "a server sends no messages", hint: "send through a peer, or join for it with --as NAME")
    }

    package func ping(_ request: PingRequest) async throws(ControlError) -> PingReport {
        throw ControlError(.wrongRole, "a server sends no messages", hint: "ping through a peer")
    }

    /// Reads the list of authorized peers again. If the new list has a fault, the previous list stays in force.
    package func reload() async throws(ControlError) -> ReloadReport {
        let reload = state.withLock { state in
            // One reload ends before the next one begins. Otherwise an older list might be applied last.
            let reload = Task { [previous = state.newestReload] () -> Result<ReloadReport, ControlError> in
                _ = await previous?.value
                do throws(ControlError) {
                    return .success(try await self.readAgain())
                } catch {
                    return .failure(error)
                }
            }
            state.newestReload = reload
            return reload
        }
        return try await reload.value.get()
    }

    private func readAgain() async throws(ControlError) -> ReloadReport {
        guard let list else { throw ControlError(.wrongRole, "this server is open, there is no list to read") }
        do throws(ControlError) {
            let roster = try await list.read(state.withLock { $0.roster })
            do throws(MeshError) {
                try await server.setRoster(roster)
            } catch {
                throw ControlError(.notRunning, "the server is ending")
            }
            let previous = state.withLock { state in
                defer { (state.roster, state.listFault, state.history.roster) = (roster, nil, roster) }
                let previous = state.roster
                state.forgetTurnedAway { key, _ in roster.authorized[key] != nil && previous.authorized[key] == nil }
                return previous
            }
            let report = ReloadReport(
                list: list.path, file: FileStatus.resolved(list.path), keys: roster.count,
                added: roster.names(without: previous), removed: previous.names(without: roster))
            list.note(.success(report))
            return report
        } catch {
            if error.code == .listRefused { state.withLock { $0.listFault = (error, identity.clock.now) } }
            list.note(.failure(error))
            throw error
        }
    }
}

extension Roster {
    /// Returns, in ascending order, the names of the keys that this roster allows and `other` does not allow under the
    /// same name.
    fileprivate func names(without other: Roster) -> [String] {
        authorized.filter { other.authorized[$0.key] != $0.value }.map(\.value.description).sorted()
    }
}
