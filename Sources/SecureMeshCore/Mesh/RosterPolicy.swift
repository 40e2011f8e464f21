/// The rules that decide whether a server lets a joiner in, with the state that these rules use (PROTOCOL.md, section
/// 5.2).
package struct RosterPolicy: JoinPolicy, Sendable {
    private let roster: Roster
    private let date: UnixTime
    private let ledger: IdentityLedger
    private let directory: Directory
    private let maximumPeers: Int
    private let busySeconds: UInt16?
    package let memberShare: Int64

    /// - Parameters:
    ///   - date: The calendar time, which decides whether keys have expired.
    ///   - busySeconds: The number of seconds after which a joiner may ask again if too many members wait to be listed;
    ///     nil if one more member may wait.
    package init(
        roster: Roster, date: UnixTime, ledger: IdentityLedger, directory: Directory, maximumPeers: Int,
        busySeconds: UInt16?, memberShare: Int64
    ) {
        self.roster = roster
        self.date = date
        self.ledger = ledger
        self.directory = directory
        self.maximumPeers = maximumPeers
        self.busySeconds = busySeconds
        self.memberShare = memberShare
    }

    /// Returns the reason to reject a joiner; nil if the joiner may join.
    ///
    /// The checks come in this order: the key is authorized; the key is not barred and does not join too often; not too
    /// many members wait to be listed; the name is free; the address is free; the mesh is not full.
    package func refusal(
        of identity: PublicKey, as name: PeerName, at address: SocketAddress, now: Instant
    ) -> Reject? {
        guard roster.allows(identity, as: name, at: date) else {
            return Reject(reason: .notAuthorized, retrySeconds: 0)
        }
        let wait = ledger.wait(identity, now: now)
        if wait > .zero {
            let seconds = UInt16(clamping: (wait + .nanoseconds(999_999_999)).wholeNanoseconds / 1_000_000_000)
            return Reject(reason: .busy, retrySeconds: seconds)
        }
        if let busySeconds { return Reject(reason: .busy, retrySeconds: busySeconds) }
        let holder = directory.entry(named: name)
        let isReserved = roster.isOpen && ledger.names.isReserved(name, for: identity, now: now)
        if isReserved || holder.map({ $0.identity != identity }) ?? false {
            return Reject(reason: .nameTaken, retrySeconds: Self.nameRetry)
        }
        if let holder = directory.entry(at: address), holder.identity != identity {
            return Reject(reason: .addressTaken, retrySeconds: Self.addressRetry)
        }
        if directory.count >= maximumPeers, directory.entry(of: identity) == nil {
            return Reject(reason: .full, retrySeconds: Self.fullRetry)
        }
        return nil
    }

    package func hasSeen(_ session: SessionID) -> Bool {
        directory[session] != nil || directory.wasRemoved(session)
    }

    private static let nameRetry: UInt16 = 5
    private static let addressRetry: UInt16 = 2
    private static let fullRetry: UInt16 = 10
}
