/// A handshake that waits for its CONFIRM: the values that the new session will need, and the WELCOME in case it must
/// be repeated.
package struct Ticket: Sendable {
    /// The directory entry that the joiner will have.
    package let entry: Entry
    package let path: Path
    /// The token in WELCOME, which CONFIRM must return.
    package let token: UInt64
    package let keys: SessionKeys
    package let created: Instant
    let tag: UInt64
    /// The WELCOME.
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
}

/// A ticket with the verified CONFIRM that used it up. A session can begin only from this value.
package struct ConfirmedTicket: Sendable {
    package let ticket: Ticket
    package let confirm: Verified<Heartbeat>
    /// The counter of the CONFIRM's header.
    package let counter: UInt64
}
