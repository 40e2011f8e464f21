internal import SecureMeshCore

/// A peer that a lying server serves: its session there, and what it was told.
struct DeceivedPeer {
    let address: SocketAddress
    /// Where others are told that it is, at times.
    let decoy: SocketAddress
    var current: ScriptedServer?
    /// Whom it is told of, as it is told of them: what contradicts itself would be refused.
    private(set) var views: [SessionID: Entry] = [:]
    /// The entries of the newest directory that it was sent.
    private(set) var told: [Entry] = []
    private var offers: [ScriptedServer] = []
    private var counter: UInt64 = 0
    private var pulses: UInt64 = 0
    private var newest: UInt64 = 0
    /// What it said that it holds.
    private var held: UInt64 = 0
    private var version: UInt64 = 0

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

    /// Its CONFIRM to one of the offers.
    mutating func confirm(_ flight: Flight, _ context: SigningContext) -> Bool {
        for server in offers.reversed() where server.session.rawValue == flight.from {
            guard let heartbeat = Self.open(flight, server, context) else { continue }
            if current?.welcome.to != server.welcome.to {
                counter = 0
                pulses = 0
            }
            current = server
            newest = heartbeat.number
            return true
        }
        return false
    }

    mutating func hear(_ flight: Flight, _ context: SigningContext) {
        guard let current, let heartbeat = Self.open(flight, current, context) else { return }
        newest = max(newest, heartbeat.number)
        held = heartbeat.version
    }

    /// PULSE, at the version that it was told.
    mutating func pulse(token: UInt64) -> ForgedDatagram? {
        pulses += 1
        return draft(.pulse(echo: newest), Pulse(number: pulses, token: token, version: max(version, 1)))
    }

    mutating func goodbye(_ reason: Goodbye.Reason) -> ForgedDatagram? {
        guard let session = current?.session else { return nil }
        defer { current = nil }
        return draft(.goodbye, Goodbye(session: session, reason: reason))
    }

    /// DELTA from what it holds, where that is known and fits; else SNAPSHOT.
    mutating func directory(_ entries: [Entry], asDelta: Bool) -> [ForgedDatagram] {
        let removed = told.map(\.session).filter { session in !entries.contains { $0.session == session } }
        let added = entries.filter { entry in !told.contains(entry) }
        defer { told = entries }
        if asDelta, held > 0, held == version, !removed.isEmpty || !added.isEmpty, added.count <= Self.entriesInOne {
            version += 1
            return [draft(.delta, Delta(from: held, removed: removed, added: added))].compactMap(\.self)
        }
        version = max(version, held) + 1
        let parts = max((entries.count + Self.entriesInOne - 1) / Self.entriesInOne, 1)
        return (0..<parts).compactMap { part in
            let some = entries.dropFirst(part * Self.entriesInOne).prefix(Self.entriesInOne)
            let snapshot = Snapshot(
                version: version, part: UInt16(part), parts: UInt16(parts), entries: Array(some))
            return draft(.snapshot, snapshot)
        }
    }

    private mutating func draft(_ fields: OpenFields, _ payload: some Payload) -> ForgedDatagram? {
        counter += 1
        return current?.draft(fields, payload, counter: counter)
    }

    private static func open(_ flight: Flight, _ server: ScriptedServer, _ context: SigningContext) -> Heartbeat? {
        guard let datagram = try? Datagram(decoding: flight.bytes.span) else { return nil }
        return try? Opened<Heartbeat>(
            flight.bytes.span, datagram, key: server.keys.peerToServer, by: context.primitives
        ).body
    }

    private static let entriesInOne = 5
    private static let memory = 4_096
}
