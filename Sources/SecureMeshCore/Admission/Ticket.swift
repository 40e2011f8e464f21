/// A handshake that waits for its CONFIRM: the values that the session will need, and the WELCOME or RESUME in case it
/// must be repeated.
package struct Ticket: Sendable {
    /// The directory entry that the joiner will have, or that the kept member has.
    package let entry: Entry
    package let path: Path
    /// The token in WELCOME or RESUME, which CONFIRM must return.
    package let token: UInt64
    package let keys: SessionKeys
    package let created: Instant
    /// The tag of the HELLO; 0 if the server has begun the handshake with RESUME.
    let tag: UInt64
    /// The WELCOME or the RESUME.
    let offer: [UInt8]

    package init(
        entry: Entry, path: Path, token: UInt64, keys: SessionKeys, created: Instant, tag: UInt64, offer: [UInt8]
    ) {
        self.entry = entry
        self.path = path
        self.token = token
        self.keys = keys
        self.created = created
        self.tag = tag
        self.offer = offer
    }

    /// Returns this handshake with the path on which its CONFIRM arrived.
    func moved(to path: Path) -> Ticket {
        Ticket(entry: entry, path: path, token: token, keys: keys, created: created, tag: tag, offer: offer)
    }
}

/// A ticket with the verified CONFIRM that used it up. A session can begin only from this value.
package struct ConfirmedTicket: Sendable {
    package let ticket: Ticket
    package let confirm: Verified<Heartbeat>
    /// The counter of the CONFIRM's header.
    package let counter: UInt64
}
