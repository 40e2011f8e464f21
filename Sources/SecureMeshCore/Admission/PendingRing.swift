/// A handshake that waits for its CONFIRM: what the server will need, and the WELCOME to send again.
package struct Ticket: Sendable {
    package let entry: Entry
    package let path: Path
    package let token: UInt64
    package let keys: SessionKeys
    package let created: Instant
    let tag: UInt64
    let welcome: [UInt8]
    fileprivate(set) var sequence: UInt64 = 0

    package init(
        entry: Entry, path: Path, token: UInt64, keys: SessionKeys, created: Instant, tag: UInt64, welcome: [UInt8]
    ) {
        self.entry = entry
        self.path = path
        self.token = token
        self.keys = keys
        self.created = created
        self.tag = tag
        self.welcome = welcome
    }
}

/// The newest handshakes that are not confirmed yet: a ring of fixed size whose oldest entry is overwritten.
///
/// No cap an identity: two replayed HELLOs would push out their owner's. The handshake budget keeps an entry at
/// least 2.4 s, and a flood cannot make it larger.
package struct PendingRing: Sendable {
    private struct HelloKey: Hashable {
        let tag: UInt64
        let path: Path
    }

    private var slots: [Ticket?]
    private var inserted: UInt64 = 0
    /// The sequence of the oldest entry that `expire` has not seen.
    private var oldest: UInt64 = 0
    private var byHello: [HelloKey: Int] = [:]
    private var bySession: [SessionID: Int] = [:]
    private var byIdentity: [PublicKey: [Int]] = [:]

    package init() {
        slots = [Ticket?](repeating: nil, count: Limits.pendingEntries)
    }

    package var usages: [Usage] {
        [
            Usage("pending handshakes", max(byHello.count, bySession.count), limit: Limits.pendingEntries),
            Usage("pending identities", byIdentity.count, limit: Limits.pendingEntries),
        ]
    }

    /// The WELCOME that this very HELLO got, if its ticket still waits.
    package func welcome(tag: UInt64, path: Path, now: Instant) -> [UInt8]? {
        guard let slot = byHello[HelloKey(tag: tag, path: path)], let ticket = slots[slot],
            now - ticket.created < Limits.pendingLifetime
        else { return nil }
        return ticket.welcome
    }

    package subscript(session: SessionID) -> Ticket? {
        bySession[session].flatMap { slots[$0] }
    }

    package mutating func insert(_ ticket: Ticket) {
        let slot = Int(inserted % UInt64(slots.count))
        remove(at: slot)
        var ticket = ticket
        ticket.sequence = inserted
        inserted += 1
        slots[slot] = ticket
        byHello[HelloKey(tag: ticket.tag, path: ticket.path)] = slot
        bySession[ticket.entry.session] = slot
        byIdentity[ticket.entry.identity, default: []].append(slot)
    }

    /// Takes the ticket out, and with it the identity's older ones: a CONFIRM counts once, and none older after it.
    package mutating func redeem(_ ticket: Ticket) {
        var newer: [Int] = []
        // One pass over the identity's entries: it may hold the whole ring.
        for slot in byIdentity.removeValue(forKey: ticket.entry.identity) ?? [] {
            guard let other = slots[slot] else { continue }
            if other.sequence <= ticket.sequence { clear(slot, other) } else { newer.append(slot) }
        }
        if !newer.isEmpty { byIdentity[ticket.entry.identity] = newer }
    }

    /// Lets go of tickets, and so of their keys, when their time is long over. Until then a CONFIRM has its own refusal.
    package mutating func expire(now: Instant) {
        oldest = max(oldest, inserted - min(inserted, UInt64(slots.count)))
        while oldest < inserted {
            let slot = Int(oldest % UInt64(slots.count))
            if let ticket = slots[slot], now - ticket.created < Limits.pendingLifetime * 2 { return }
            remove(at: slot)
            oldest += 1
        }
    }

    private mutating func remove(at slot: Int) {
        guard let ticket = slots[slot] else { return }
        clear(slot, ticket)
        // The overwritten entry is the ring's oldest, so it is the first of its identity's.
        if let index = byIdentity[ticket.entry.identity]?.firstIndex(of: slot) {
            byIdentity[ticket.entry.identity]?.remove(at: index)
        }
        if byIdentity[ticket.entry.identity]?.isEmpty == true { byIdentity[ticket.entry.identity] = nil }
    }

    /// All of a removal but the identity's list.
    private mutating func clear(_ slot: Int, _ ticket: Ticket) {
        slots[slot] = nil
        let key = HelloKey(tag: ticket.tag, path: ticket.path)
        if byHello[key] == slot { byHello[key] = nil }
        bySession[ticket.entry.session] = nil
    }
}
