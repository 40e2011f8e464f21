/// The server: who may join, who is a member, who is told of it (PROTOCOL.md, sections 5 and 6).
///
/// A session goes: none → pending (WELCOME) → member (CONFIRM) → ended (LEAVE, replaced, expired, revoked, misbehaved,
/// too old, stopping); an ended one never returns. A pure value: bytes, time and dice come from outside.
///
/// In: `handle`, `handleTimeout`, `handleDrained`, `setRoster`, `stop`. Out: `pollOutput`, `nextDeadline`.
package struct Registry: MeshMachine {
    package struct Configuration: Sendable {
        package var key: SigningKey
        /// The address of each socket.
        package var bound: [SocketAddress]
        package var roster: Roster
        package var heartbeatInterval = ProtocolConstants.heartbeatInterval
        package var lifetime = ProtocolConstants.lifetime
        package var maximumPeers = Limits.maximumPeers
        package var trust = ProtocolConstants.trust
        package var rekey = ProtocolConstants.rekey
        package var primitives: any Primitives = Libsodium()

        package init(key: SigningKey, bound: [SocketAddress], roster: Roster) {
            self.key = key
            self.bound = bound
            self.roster = roster
        }
    }

    private struct MemberState: Sendable {
        let joinedAt: Instant
        var lastLife: Instant
        /// The token of the PULSE that answered its CONFIRM.
        let ownToken: PulseTokens.Issued
        var repairedAt: Instant?
        /// The version of the snapshot it is being sent.
        var snapshot: UInt64?
    }

    private let configuration: Configuration
    private let parameters: Welcome.Parameters
    private var admission: ServerAdmission
    private var log = DirectoryLog()
    private var ledger = IdentityLedger()
    private var roster: Roster
    private var states: [SessionID: MemberState] = [:]
    private var detector: FailureDetector
    private var tokens = PulseTokens()
    private var pulseNumber: UInt64 = 0
    private var pulsedVersion: UInt64 = 1
    private var nextPulse: Instant
    /// Members whose first PULSE was of a version that does not list them yet.
    private var unlisted: [SessionID] = []
    private var turnedAway = RateLimiter()
    /// What snapshots may take beyond what every member gets.
    private var snapshotParts = RateLimiter()
    private var outputs = OutputQueue<ServerEvent>()
    private(set) package var rejections = RejectionCounters()

    package init(_ configuration: Configuration, random: RandomSource, now: Instant) {
        self.configuration = configuration
        roster = configuration.roster
        parameters = Welcome.Parameters(
            heartbeat: configuration.heartbeatInterval, lifetime: configuration.lifetime, trust: configuration.trust,
            rekey: configuration.rekey)
        admission = ServerAdmission(
            key: configuration.key, bound: configuration.bound, heartbeatInterval: configuration.heartbeatInterval,
            primitives: configuration.primitives, random: random, now: now)
        detector = FailureDetector(lifetime: configuration.lifetime, now: now)
        nextPulse = now + configuration.heartbeatInterval
    }

    package var epoch: UInt64 { admission.epoch }
    package var version: UInt64 { log.version }
    package var members: [Member] { log.directory.inOrder.map(Member.init) }
    package var memberCount: Int { log.directory.count }

    package var usages: [Usage] {
        admission.usages + log.usages + ledger.usages + [
            tokens.usage,
            Usage("members", log.directory.count, limit: configuration.maximumPeers),
            Usage("member states", states.count, limit: log.directory.count),
            Usage("unlisted members", unlisted.count, limit: log.directory.count),
        ]
    }

    package var nextDeadline: Deadline? {
        .earliest([
            Deadline(nextPulse, .pulse),
            log.flushDeadline.map { Deadline($0, .flush) },
            detector.deadline.map { Deadline($0, .sweep) },
        ])
    }

    package func isExpected(_ datagram: Span<UInt8>, path: Path) -> Bool {
        admission.isExpected(datagram, path: path)
    }

    package mutating func pollOutput() -> Output<ServerEvent>? {
        outputs.pop()
    }

    package mutating func handle(_ datagram: Span<UInt8>, path: Path, now: Instant) {
        switch admission.admit(datagram, path: path, now: now) {
        case .refused(let rejection):
            rejections.count(rejection)
        case .answer(let bytes):
            outputs.push(.transmit(Transmit(path: path, bytes: bytes)))
        case .hello(let request):
            handleHello(request, now: now)
        case .confirm(let confirm, let ticket, let counter):
            handleConfirm(confirm, ticket, counter: counter, now: now)
        case .heartbeat(let session, let heartbeat):
            handleHeartbeat(heartbeat.body, session, now: now)
        case .leave(let session):
            end(session, .left, now: now)
        case .misbehaved(let session):
            rejections.count(.memberMisbehaved)
            if let entry = log.directory[session] { ledger.bar(entry.identity, now: now) }
            end(session, .misbehaved, now: now)
        }
        flushIfDue(now)
    }

    /// Pulses come before the sweep: a server that wakes late first lets its members prove that they live.
    package mutating func handleTimeout(now: Instant) {
        if now >= nextPulse {
            admission.expire(now: now)
            pulse(now)
            nextPulse = now + configuration.heartbeatInterval
        }
        flushIfDue(now)
        if detector.sweepIsDue(now: now) { outputs.push(.drain) }
    }

    package mutating func handleDrained(now: Instant) {
        var dead: [SessionID] = []
        detector.sweep(now: now) { diedBefore in
            dead = log.directory.sessions.filter { states[$0].map { $0.lastLife < diedBefore } ?? true }
        }
        for session in dead { end(session, .expired, now: now) }
        let oldest = now - configuration.rekey - ProtocolConstants.rekeyGrace
        let old = log.directory.sessions.filter { states[$0].map { $0.joinedAt < oldest } ?? true }
        for session in old { end(session, .tooOld, now: now) }
        flushIfDue(now)
    }

    /// From now on only `roster` may join; members it does not allow are told so and gone at once.
    package mutating func setRoster(_ roster: Roster, now: Instant) {
        self.roster = roster
        let revoked = log.directory.inOrder.filter { !roster.allows($0.identity, as: $0.name) }
        for entry in revoked { end(entry.session, .revoked, now: now) }
        flush(now)
    }

    /// GOODBYE to all. The registry is not to be used after.
    package mutating func stop(now: Instant) {
        for session in log.directory.sessions { end(session, .stopping, now: now) }
    }
}

// MARK: joining

extension Registry {
    private mutating func handleHello(_ request: HelloRequest, now: Instant) {
        let name = request.hello.body.name
        let identity = request.hello.signer
        if let refusal = refusal(of: identity, name, request.path.remote, now: now) {
            let bytes = admission.reject(request, refusal)
            outputs.push(.transmit(Transmit(path: request.path, bytes: bytes)))
            // Anyone can sign with a key that is not listed: not an event a datagram.
            if turnedAway.accept(Limits.turnedAwayRate, now: now) {
                outputs.push(.event(.turnedAway(name: name, publicKey: identity, JoinRefusal(refusal.reason))))
            }
            return
        }
        let directory = log.directory
        let welcome = admission.welcome(request, parameters: parameters, now: now, unless: directory.wasRemoved)
        guard let welcome else { return rejections.count(.agreementFailed) }
        outputs.push(.transmit(Transmit(path: request.path, bytes: welcome)))
    }

    /// Asked at HELLO and again at CONFIRM: a key that was revoked in between does not get in.
    private func refusal(of identity: PublicKey, _ name: PeerName, _ address: SocketAddress, now: Instant) -> Reject? {
        guard roster.allows(identity, as: name) else { return Reject(reason: .notAuthorised, retrySeconds: 0) }
        let wait = ledger.wait(identity, now: now)
        if wait > .zero {
            let seconds = UInt16(clamping: (wait.wholeNanoseconds + 999_999_999) / 1_000_000_000)
            return Reject(reason: .busy, retrySeconds: seconds)
        }
        let holder = log.directory.entry(named: name)
        let isReserved = roster.isOpen && ledger.isReserved(name, for: identity, now: now)
        if isReserved || holder.map({ $0.identity != identity }) ?? false {
            return Reject(reason: .nameTaken, retrySeconds: Self.nameRetry)
        }
        if let holder = log.directory.entry(at: address), holder.identity != identity {
            return Reject(reason: .addressTaken, retrySeconds: Self.addressRetry)
        }
        if log.directory.count >= configuration.maximumPeers, log.directory.entry(of: identity) == nil {
            return Reject(reason: .full, retrySeconds: Self.fullRetry)
        }
        return nil
    }

    private mutating func handleConfirm(
        _ confirm: Verified<Heartbeat>, _ ticket: Ticket, counter: UInt64, now: Instant
    ) {
        let entry = ticket.entry
        guard refusal(of: entry.identity, entry.name, entry.address, now: now) == nil else {
            return rejections.count(.admissionWithdrawn)
        }
        ledger.chargeJoin(entry.identity, now: now)
        let older = log.directory.entry(of: entry.identity)
        if let older { dismiss(older, .replaced) }
        log.insert(entry, replacing: older?.session)
        if let older { ledger.release(older.name, of: older.identity, now: now) }
        if roster.isOpen { ledger.reserve(entry.name, for: entry.identity) }
        admission.begin(ticket, counter: counter, number: confirm.body.number)
        states[entry.session] = MemberState(
            joinedAt: now, lastLife: now, ownToken: PulseTokens.Issued(token: admission.randomToken(), at: now))
        outputs.push(.event(.joined(Member(entry))))

        // The others learn of it by DELTA, at once if the tick allows; the new member by SNAPSHOT.
        flushIfDue(now, except: entry.session)
        let version = snapshotVersion(for: entry.session, now: now, except: entry.session)
        pulse(entry.session)
        repair(entry.session, from: version, part: 0, now: now)
        if !log.isPublished(entry.session) { unlisted.append(entry.session) }
    }
}

// MARK: members

extension Registry {
    private mutating func handleHeartbeat(_ heartbeat: Heartbeat, _ session: SessionID, now: Instant) {
        guard let state = states[session] else { return }
        if tokens.isFresh(heartbeat.token, own: state.ownToken, now: now, lifetime: configuration.lifetime) {
            states[session]?.lastLife = now
        }
        // What was published since the last PULSE is still on its way.
        guard heartbeat.version < pulsedVersion else { return }
        if let repairedAt = state.repairedAt, now - repairedAt < Limits.repairGap { return }
        if let missing = log.deltas(after: heartbeat.version, limit: Limits.deltasPerHeartbeat) {
            states[session]?.repairedAt = now
            for delta in missing { send(delta, to: session) }
        } else {
            let version = snapshotVersion(for: session, above: heartbeat.version, now: now)
            repair(session, from: version, part: Int(heartbeat.part), now: now)
        }
    }

    /// Which frozen snapshot to send to `session`, which holds version `held`; freezes one if need be.
    private mutating func snapshotVersion(
        for session: SessionID, above held: UInt64 = 0, now: Instant, except absentee: SessionID? = nil
    ) -> UInt64 {
        if let version = log.frozenVersion(begun: states[session]?.snapshot, above: held, now: now) { return version }
        flush(now, except: absentee)
        return log.freeze(now: now, interval: configuration.heartbeatInterval)
    }

    /// Parts of the snapshot, and, where those make it complete, the DELTAs since.
    private mutating func repair(_ session: SessionID, from version: UInt64, part: Int, now: Instant) {
        states[session]?.snapshot = version
        states[session]?.repairedAt = now
        let least = Limits.snapshotPartsPerHeartbeat
        let burst = log.burst(of: version, from: part)
        let limit = least + snapshotParts.take(upTo: burst - least, Limits.snapshotRate, now: now)
        if limit < burst { log.prolong(version) }
        let signer = admission.signer
        let parts = log.parts(of: version, from: part, limit: limit) { signer.sign(.snapshot, $0) }
        for part in parts { send(part, to: session) }
        guard log.partCount(of: version) <= least else { return }
        for delta in log.deltas(after: version, limit: Limits.deltasPerHeartbeat) ?? [] { send(delta, to: session) }
    }

    private mutating func pulse(_ now: Instant) {
        flush(now)
        pulseNumber += 1
        pulsedVersion = log.version
        let token = admission.randomToken()
        tokens.issue(token, now: now, lifetime: configuration.lifetime)
        guard log.directory.count > 0 else { return }
        let pulse = admission.signer.sign(.pulse, Pulse(number: pulseNumber, token: token, version: log.version))
        for session in log.directory.sessions { send(pulse, to: session) }
    }

    /// Ends a membership and tells whom it concerns; the directory follows with the next flush.
    private mutating func end(_ session: SessionID, _ departure: Departure, now: Instant) {
        guard let entry = log.directory[session] else { return }
        dismiss(entry, departure)
        log.remove(session)
        ledger.release(entry.name, of: entry.identity, now: now)
    }

    /// GOODBYE, and the end of the session's keys.
    private mutating func dismiss(_ entry: Entry, _ departure: Departure) {
        if let reason = departure.goodbye {
            send(admission.signer.sign(.goodbye, Goodbye(session: entry.session, reason: reason)), to: entry.session)
        }
        admission.end(entry.session)
        states[entry.session] = nil
        unlisted.removeAll { $0 == entry.session }
        outputs.push(.event(.left(Member(entry), departure)))
    }

    private mutating func flushIfDue(_ now: Instant, except absentee: SessionID? = nil) {
        if let deadline = log.flushDeadline, deadline <= now { flush(now, except: absentee) }
    }

    private mutating func flush(_ now: Instant, except absentee: SessionID? = nil) {
        let signer = admission.signer
        let published = log.flush(now: now) { signer.sign(.delta, $0) }
        for delta in published {
            for session in log.directory.sessions where session != absentee { send(delta, to: session) }
        }
        // All others have been told: the new ones may speak, and need not wait for the next PULSE to all.
        let listed = unlisted
        unlisted = []
        for session in listed { pulse(session) }
    }

    /// A PULSE for one member alone. Its token is the member's own.
    private mutating func pulse(_ session: SessionID) {
        guard let token = states[session]?.ownToken.token else { return }
        pulseNumber += 1
        let pulse = Pulse(number: pulseNumber, token: token, version: log.version)
        send(admission.signer.sign(.pulse, pulse), to: session)
    }

    /// Seals for one member. PULSE carries the newest number heard from that member.
    private mutating func send(_ payload: SignedPayload, to session: SessionID) {
        let delivery: Header.Delivery =
            payload.kind == .pulse ? .echo(admission.newestNumber(of: session)) : .none
        if let transmit = admission.seal(payload, for: session, delivery: delivery) {
            outputs.push(.transmit(transmit))
        }
    }

    private static let nameRetry: UInt16 = 5
    private static let addressRetry: UInt16 = 2
    private static let fullRetry: UInt16 = 10
}
