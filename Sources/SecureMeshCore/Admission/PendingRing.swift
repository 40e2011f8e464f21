/// The newest handshakes that wait for their CONFIRM, in a ring of fixed size. When the ring is full, a new handshake
/// overwrites the oldest one.
///
/// The ring has no limit per identity. With such a limit, an attacker that replays the HELLOs of an identity could
/// evict the handshake of its owner. The handshake budget bounds how fast handshakes enter the ring, so none is
/// overwritten within 2.4 s (PROTOCOL.md, section 5.4).
package struct PendingRing: Sendable {
    private struct HelloKey: Hashable {
        let tag: UInt64
        let path: Path
    }

    private struct Slot: Sendable {
        let ticket: Ticket
        let sequence: UInt64
    }

    private var slots: [Slot?]
    private var inserted: UInt64 = 0
    /// The sequence number of the oldest entry that `expire` has not removed.
    private var oldest: UInt64 = 0
    private var byHello: [HelloKey: Int] = [:]
    private var bySession: [SessionID: Int] = [:]
    private var byIdentity: [PublicKey: [Int]] = [:]

    package init() {
        slots = [Slot?](repeating: nil, count: Limits.pendingEntries)
    }

    package var usages: [Usage] {
        [
            Usage("pending handshakes", max(byHello.count, bySession.count), limit: Limits.pendingEntries),
            Usage("pending identities", byIdentity.count, limit: Limits.pendingEntries),
        ]
    }

    /// Returns the WELCOME with which the HELLO with `tag` from `path` was answered; nil if the ring has no ticket for
    /// this HELLO or the ticket has expired.
    package func welcome(tag: UInt64, path: Path, now: Instant) -> [UInt8]? {
        guard let slot = byHello[HelloKey(tag: tag, path: path)], let ticket = slots[slot]?.ticket,
            now - ticket.created < Limits.pendingLifetime
        else { return nil }
        return ticket.offer
    }

    package subscript(session: SessionID) -> Ticket? {
        bySession[session].flatMap { slots[$0]?.ticket }
    }

    package mutating func insert(_ ticket: Ticket) {
        let slot = Int(inserted % UInt64(slots.count))
        remove(at: slot)
        slots[slot] = Slot(ticket: ticket, sequence: inserted)
        inserted += 1
        byHello[HelloKey(tag: ticket.tag, path: ticket.path)] = slot
        bySession[ticket.entry.session] = slot
        byIdentity[ticket.entry.identity, default: []].append(slot)
    }

    /// Removes `ticket` and all older tickets of the same identity. So a CONFIRM is accepted only once, and after it no
    /// CONFIRM of an older ticket is accepted.
    package mutating func redeem(_ ticket: Ticket) {
        guard let redeemed = bySession[ticket.entry.session].flatMap({ slots[$0] }) else { return }
        // `left` is sorted from the oldest entry to the newest, so the loop stops at the first entry that it keeps. A
        // scan of all entries would be slow, because an identity may fill the whole ring and redeem its entries one by
        // one, oldest first.
        var left = byIdentity.removeValue(forKey: ticket.entry.identity) ?? []
        var removed = 0
        while removed < left.count {
            if let other = slots[left[removed]] {
                guard other.sequence <= redeemed.sequence else { break }
                clear(left[removed], other.ticket)
            }
            removed += 1
        }
        left.removeFirst(removed)
        if !left.isEmpty { byIdentity[ticket.entry.identity] = left }
    }

    /// Drops tickets, and their keys, at twice their lifetime. Until then, a CONFIRM that comes after the lifetime is
    /// refused as `ticketExpired`.
    package mutating func expire(now: Instant) {
        oldest = max(oldest, inserted - min(inserted, UInt64(slots.count)))
        while oldest < inserted {
            let slot = Int(oldest % UInt64(slots.count))
            if let ticket = slots[slot]?.ticket, now - ticket.created < Limits.pendingLifetime * 2 { return }
            remove(at: slot)
            oldest += 1
        }
    }

    private mutating func remove(at slot: Int) {
        guard let ticket = slots[slot]?.ticket else { return }
        clear(slot, ticket)
        // The removed entry is the oldest in the ring, so it is the first in its identity's list.
        if let index = byIdentity[ticket.entry.identity]?.firstIndex(of: slot) {
            byIdentity[ticket.entry.identity]?.remove(at: index)
        }
        if byIdentity[ticket.entry.identity]?.isEmpty == true { byIdentity[ticket.entry.identity] = nil }
    }

    /// Removes the ticket from every table except `byIdentity`.
    private mutating func clear(_ slot: Int, _ ticket: Ticket) {
        slots[slot] = nil
        let key = HelloKey(tag: ticket.tag, path: ticket.path)
        if byHello[key] == slot { byHello[key] = nil }
        bySession[ticket.entry.session] = nil
    }
}
