internal import MeshControl
internal import SecureMesh

/// Prints the events of a peer. Stores the reason if the peer does not become a member, or is not allowed to remain
/// one.
actor PeerSessionPrinter {
    private let name: PeerName
    private let key: PublicKey
    private let server: ServerAddress
    private let pinned: [PublicKey]
    /// The file of the peer's public key; nil if it is not known.
    private let publicKeyFile: String?
    private var hasJoined = false
    /// The name of this peer, followed by the address at which the server last saw this peer, if it has joined.
    private var own: String
    /// True from the time the peer joins until it leaves.
    private var isMember = false
    private var warnedOfSilence = false
    private var warnedOfSlowness = false
    private var lastRefusal: JoinRefusal?
    /// True if a server has refused this peer's key, and no server has admitted the peer since.
    private var isExcluded = false
    /// The addresses that the last successful lookup of the server's name found. Empty if no lookup has succeeded, or
    /// if the user gave the server's address instead of a name.
    private var located: [SocketAddress] = []
    /// The reason why the last lookup of the server's name failed; nil if no lookup was made, or the last one
    /// succeeded.
    private var lookupFailure: String?
    /// The failure with which the command ends; nil if no failure has occurred.
    private(set) var failure: Failure?

    init(name: PeerName, key: PublicKey, publicKeyFile: String?, server: ServerAddress, pinned: [PublicKey]) {
        self.name = name
        own = "\(name)"
        self.key = key
        self.publicKeyFile = publicKeyFile
        self.server = server
        self.pinned = pinned
    }

    /// Prints events until the peer ends.
    func print(_ events: MeshEvents<PeerEvent>) async {
        for await event in events { await show(event) }
    }

    /// Prints an event at once if it is a message or a change of the members, and if stdout takes the line without
    /// waiting. Otherwise prints nothing.
    ///
    /// - Returns: True if the event has been printed.
    nonisolated func prints(_ event: PeerEvent) -> Bool {
        Self.line(of: event).map(Console.resultWithoutWaiting) ?? false
    }

    /// Returns the line on stdout for a message or for a change of the members; nil for all other events.
    private static func line(of event: PeerEvent) -> String? {
        switch event {
        case .message(let message):
            "\(message.sender.name)\(message.isBroadcast ? "" : " (to you only)"): \(Console.escaped(message.body))"
        case .memberJoined(let member): "+ \(member.name) \(member.address)"
        case .memberRejoined(let member, _): "~ \(member.name) \(member.address)"
        case .memberLeft(let member, let reason): "- \(member.name) (\(Departure.summaryForMembers(reason)))"
        default: nil
        }
    }

    /// Records a failure if the peer has not become a member. Call this when `timeout` has passed since the start.
    ///
    /// - Returns: True if a failure was recorded.
    func giveUp(after timeout: Duration) -> Bool {
        guard !hasJoined, !Task.isCancelled, failure == nil else { return false }
        if isExcluded {
            failure = notAuthorized
        } else if let lastRefusal {
            failure = Failure(
                .unavailable, "not admitted within \(timeout): \(lastRefusal.summary)", hint: lastRefusal.hint)
        } else if let lookupFailure, located.isEmpty {
            failure = Failure(.tryAgain, "\(server) not found within \(timeout): \(lookupFailure)")
        } else if server.addresses.isEmpty, located.isEmpty {
            failure = Failure(.tryAgain, "\(server) not found within \(timeout): no answer from the name service")
        } else {
            failure = Failure(
                .unavailable, "no answer from \(place) within \(timeout)", hint: warnedOfSilence ? nil : silenceHint)
        }
        return true
    }

    private func show(_ event: PeerEvent) async {
        switch event {
        case .joined(let address):
            // The code that starts the process and joins the mesh is not needed while the peer is a member.
            if !hasJoined { ResidentCode.release() }
            hasJoined = true
            own = "\(name) at \(address)"
            isMember = true
            warnedOfSilence = false
            lastRefusal = nil
            isExcluded = false
            await Console.resultWithRoom("joined as \(name) at \(address)")
        case .connectionLost:
            Console.note("lost the server \(place), joining again", event: .connectionLost)
        case .connectionRecovered:
            Console.note("the server \(place) is back", event: .connectionRecovered)
        case .dismissed(let dismissal):
            Console.note(
                "the server \(place) ended the session of \(own): \(dismissal.summary)", event: .dismissed,
                fields: ["reason": "\(Departure(dismissal).summary)"])
        case .refused(let delay, let pause):
            let refusal = JoinRefusal(delay)
            lastRefusal = refusal
            Console.warning(
                "turned away: \(refusal.summary); trying again in \(pause.components.seconds + 1) s",
                hint: refusal.hint, event: .joinRefused,
                fields: ["reason": "\(refusal.summary)", "retrySeconds": .number(pause.components.seconds + 1)])
        case .excluded(let exclusion, let serverKey, let pause):
            let which = pinned.count > 1 ? "the server with the key \(serverKey)" : "the server"
            let seconds = pause.map { $0.components.seconds + 1 }
            let next = seconds.map { "asking again in \($0) s" } ?? "asking only servers with the other keys"
            // The hint is printed once, because it is long and always the same.
            Console.warning(
                "\(which) does not let this key join as \(name); \(next)",
                hint: isExcluded ? nil : admissionHint(isRevoked: exclusion == .revoked), event: .joinRefused,
                fields: ["reason": "\(JoinRefusal.notAuthorized.summary)", "retrySeconds": .number(seconds ?? 0)])
            isExcluded = true
        case .unanswered:
            guard !warnedOfSilence else { return }
            warnedOfSilence = true
            // A peer that was a member has the right address and key of the server, so the hint does not apply.
            Console.warning(
                "no answer from \(place), still trying", hint: hasJoined ? nil : silenceHint, event: .noAnswer)
        case .slowRoundTrip(let measured, let bearable):
            guard !warnedOfSlowness else { return }
            warnedOfSlowness = true
            let interval = (measured.wholeMilliseconds + 99) / 100 * 100
            Console.warning(
                "the round trip to \(place) takes \(measured.wholeMilliseconds) ms, and the server's --heartbeat "
                    + "allows at most \(bearable.wholeMilliseconds) ms",
                hint: "start the server with a longer heartbeat interval and lifetime, for example "
                    + "--heartbeat \(interval)ms --lifetime \(3 * interval)ms",
                event: .slowRoundTrip,
                fields: ["milliseconds": .number(measured.wholeMilliseconds)])
        case .lookupFailed(let reason):
            lookupFailure = reason
            Console.warning(
                "cannot look up \(server), still trying: \(reason)",
                hint: located.isEmpty ? nil : "until it is found, the peer asks \(Self.list(located))",
                event: .lookupFailed)
        case .serverLocated(let addresses):
            if lookupFailure != nil || !located.isEmpty {
                Console.note("\(server) is at \(Self.list(addresses))", event: .serverLocated)
            }
            (located, lookupFailure, warnedOfSilence) = (addresses, nil, false)
        case .unreachable(let member, let address, let refusal):
            let whom = member.map { "\($0.name)" } ?? "the server"
            Console.warning(
                "cannot send to \(whom) at \(address): \(refusal.summary(address))", hint: refusal.hint(address),
                event: .unreachable,
                fields: ["name": "\(whom)", "address": "\(address)", "reason": "\(refusal.rawValue)"])
        case .directoryStalled(let duration):
            Console.warning(
                "the server \(place) is alive, but its list of members has not arrived here for "
                    + "\(duration.components.seconds) s", hint: SendRefusal.sizeHint, event: .directoryStalled)
        case .trustEnded(let age):
            Console.warning(
                "messages stop: the server \(place) has not confirmed the list of members for "
                    + "\(age.components.seconds) s", event: .trustEnded)
        case .trustRestored:
            Console.note(
                "messages go on: the server \(place) has confirmed the list of members", event: .trustRestored)
        case .memberJoined, .memberRejoined, .memberLeft, .message:
            if let line = Self.line(of: event) { await Console.resultWithRoom(line) }
        case .nameMoved(let name, _, let key):
            Console.warning(
                "the name \(name) has moved to another key, \(key)", event: .nameMoved,
                fields: ["name": "\(name)", "key": "\(key)"])
        case .missed(let count):
            Console.warning(
                "\(count) events are missing here: stdout is too slow", event: .eventsMissing,
                fields: ["count": .number(count)])
        case .left:
            if isMember { Console.note("left the mesh", event: .left) }
            isMember = false
        case .ended(.revoked):
            failure = Failure(
                .noPermission, "the server \(place) has revoked the key of \(own)",
                hint: admissionHint(isRevoked: true))
        case .ended:
            failure = notAuthorized
        }
    }

    /// The failure of a peer whose key the server does not list under the peer's name.
    nonisolated var notAuthorized: Failure { .notAuthorized(name, key, file: publicKeyFile) }

    /// Advice for the user of a peer whose key the server does not let join; see `PublicKey.admissionHint`.
    private func admissionHint(isRevoked: Bool) -> String {
        key.admissionHint(as: name, file: publicKeyFile, isRevoked: isRevoked)
    }

    /// The server as the user gave it, with the addresses that the last successful lookup found for its name.
    private var place: String {
        located.isEmpty ? server.description : "\(server) (\(Self.list(located)))"
    }

    private static func list(_ addresses: [SocketAddress]) -> String {
        addresses.map(\.description).joined(separator: ", ")
    }

    /// The possible reasons why the server does not answer. A peer cannot distinguish them, because a server that holds
    /// another key does not answer either.
    private var silenceHint: String {
        let keys = pinned.map(\.description).joined(separator: " or ")
        let causes = "either no server runs there, or it does not hold the pinned key \(keys)"
        guard (server.addresses + located).contains(where: \.isLoopback) else { return causes }
        return causes + ", or it listens on a wildcard address: then give --server this host's own address"
    }
}

extension Duration {
    fileprivate var wholeMilliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
