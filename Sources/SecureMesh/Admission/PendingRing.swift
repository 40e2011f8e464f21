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
    private var byHello: [HelloKey: Int] = [:]
    private var bySession: [SessionID: Int] = [:]
    private var byIdentity: [PublicKey: [Int]] = [:]

    package init() {
        slots = [Ticket?](repeating: nil, count: Limits.pendingEntries)
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
        for slot in byIdentity[ticket.entry.identity] ?? [] {
            if let other = slots[slot], other.sequence <= ticket.sequence { remove(at: slot) }
        }
    }

    private mutating func remove(at slot: Int) {
        guard let ticket = slots[slot] else { return }
        slots[slot] = nil
        let key = HelloKey(tag: ticket.tag, path: ticket.path)
        if byHello[key] == slot { byHello[key] = nil }
        bySession[ticket.entry.session] = nil
        byIdentity[ticket.entry.identity]?.removeAll { $0 == slot }
        if byIdentity[ticket.entry.identity]?.isEmpty == true { byIdentity[ticket.entry.identity] = nil }
    }
}
