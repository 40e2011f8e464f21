internal import SecureMeshCore

/// A peer that `LyingServer` serves in place of the real server: its session, and the directory that was sent to it.
struct DeceivedPeer {
    let address: SocketAddress
    /// A false address of this peer, which the attacker sometimes lists in the directories of other peers.
    let decoy: SocketAddress
    var current: ScriptedServer?
    /// The entries from which the directories for this peer are made, by session. Some of them are false. An entry is
    /// never replaced, because a peer refuses an entry that contradicts an earlier one of the same session.
    private(set) var views: [SessionID: Entry] = [:]
    /// The entries of the newest directory that was sent to this peer.
    private(set) var told: [Entry] = []
    private var offers: [ScriptedServer] = []
    /// The number of the peer's newest HEARTBEAT.
    private var newest: UInt64 = 0
    /// The directory version that the peer's newest HEARTBEAT reports.
    private var held: UInt64 = 0
    private var version: UInt64 = 0
    private var falseDigest: FalseDigest?

    /// A false digest of the directory that the peer holds. The PULSEs to the peer carry this digest for some time.
    private struct FalseDigest {
        let digest: Bytes32
        let since: Instant
        /// The tokens of the PULSEs sent at least `compared` after `since`. A peer that returns one of these tokens
        /// must have compared the false digest with its directory.
        var tokens: Set<UInt64> = []
    }

    init(address: SocketAddress, decoy: SocketAddress) {
        self.address = address
        self.decoy = decoy
    }

    mutating func keep(_ view: Entry) {
        if views.count < Self.memory { views[view.session] = view }
    }

    mutating func offer(_ server: ScriptedServer) {
        if offers.count == 4 { offers.removeFirst() }
        offers.append(server)
    }

    /// Begins a session and returns true if `flight` is the peer's CONFIRM to one of the WELCOMEs in `offers`.
    /// Otherwise returns false.
    mutating func confirm(_ flight: Flight) -> Bool {
        for var server in offers.reversed() where server.session.rawValue == flight.from {
            guard let heartbeat = try? server.open(Heartbeat.self, flight.bytes) else { continue }
            if let current, current.welcome.to == server.welcome.to {
                (server.counter, server.pulses) = (current.counter, current.pulses)
            }
            current = server
            newest = heartbeat.number
            falseDigest = nil
            return true
        }
        return false
    }

    /// Handles a HEARTBEAT of the peer.
    ///
    /// - Returns: True if the HEARTBEAT reports a directory although the peer must have noticed the false digest.
    mutating func hear(_ flight: Flight) -> Bool {
        guard let heartbeat = try? current?.open(Heartbeat.self, flight.bytes) else { return false }
        newest = max(newest, heartbeat.number)
        held = heartbeat.version
        return held > 0 && falseDigest?.tokens.contains(heartbeat.token) == true
    }

    /// True while the PULSEs carry a false digest. Meanwhile, no new directory should be sent to the peer.
    var isToldFalseDigest: Bool { falseDigest != nil }

    /// Puts a false digest into the next PULSEs, if the peer holds the newest directory.
    ///
    /// - Returns: True if the next PULSEs carry the false digest.
    mutating func tellFalseDigest(_ digest: Bytes32, now: Instant) -> Bool {
        guard held > 0, held == version, falseDigest == nil else { return false }
        falseDigest = FalseDigest(digest: digest, since: now)
        return true
    }

    /// Returns a PULSE with the version of the newest directory. Its digest is the false digest if there is one,
    /// otherwise the digest of that directory. Returns nil if the peer has no session.
    mutating func pulse(token: UInt64, now: Instant) -> ForgedDatagram? {
        guard let epoch = current?.epoch else { return nil }
        let version = max(version, 1)
        if let since = falseDigest?.since {
            if now - since >= Self.compared { falseDigest?.tokens.insert(token) }
            if now - since >= Self.longestFalseDigest { falseDigest = nil }
        }
        let digest = falseDigest?.digest ?? told.digest(id: epoch, version: version)
        return current?.pulse(echo: newest, token: token, version: version, digest: digest)
    }

    mutating func goodbye(_ reason: Goodbye.Reason) -> ForgedDatagram? {
        defer { current = nil }
        guard let session = current?.session else { return nil }
        return current?.next(.goodbye, Goodbye(session: session, reason: reason))
    }

    /// Returns the datagrams that send `entries` to the peer as its next directory: one DELTA, or a SNAPSHOT in parts.
    ///
    /// - Parameter asDelta: True to send a DELTA if possible. It is possible if the peer holds the newest version, the
    ///   directory changes, and the change fits into one DELTA.
    mutating func directory(_ entries: [Entry], asDelta: Bool) -> [ForgedDatagram] {
        let removed = told.map(\.session).filter { session in !entries.contains { $0.session == session } }
        let added = entries.filter { entry in !told.contains(entry) }
        defer { told = entries }
        if asDelta, held > 0, held == version, !removed.isEmpty || !added.isEmpty, added.count <= Self.entriesPerPart {
            version += 1
            return [current?.next(.delta, Delta(from: held, removed: removed, added: added))].compactMap(\.self)
        }
        version = max(version, held) + 1
        let parts = max((entries.count + Self.entriesPerPart - 1) / Self.entriesPerPart, 1)
        return (0..<parts).compactMap { part in
            let some = entries.dropFirst(part * Self.entriesPerPart).prefix(Self.entriesPerPart)
            let snapshot = Snapshot(version: version, part: UInt16(part), parts: UInt16(parts), entries: Array(some))
            return current?.next(.snapshot, snapshot)
        }
    }

    private static let entriesPerPart = 5
    /// The time after which a peer must have compared its directory with a false digest. It is twice the time between
    /// two computations of a digest, because the clock of the peer may be slow.
    private static let compared = Limits.digestGap * 2
    private static let longestFalseDigest = Limits.digestGap * 5
    private static let memory = 4_096
}
