package import SecureMeshCore

/// The order of one peer's events, as the description of `PeerEvent` promises it.
package struct EventOrder: Sendable {
    private enum Membership: Sendable {
        case none, connected, lost, over
    }

    private var membership = Membership.none
    private var isTrusted = false
    /// The session of the newest `.joined`.
    private(set) package var announced: SessionID?
    /// The keys of the members that the events have reported.
    private(set) package var members: Set<PublicKey> = []
    /// True if `members` may differ from before the last comparison.
    private var isUnchecked = false

    package init() {}

    /// Checks the next event.
    ///
    /// - Parameter session: The peer's session.
    /// - Returns: A description of the rule that the event breaks; nil if it breaks none.
    package mutating func take(_ event: PeerEvent, in session: SessionID?) -> String? {
        guard membership != .over else { return "an event after the last one: \(event)" }
        switch event {
        case .joined:
            let isRepeated = announced == session
            (membership, announced, isUnchecked) = (.connected, session, true)
            isTrusted = true
            return isRepeated || session == nil ? "`joined` twice in one session" : nil
        case .connectionLost:
            defer { membership = .lost }
            return membership == .connected ? nil : "`connectionLost` while \(membership)"
        case .connectionRecovered:
            defer { membership = .connected }
            return membership == .lost ? nil : "`connectionRecovered` while \(membership)"
        case .dismissed(let dismissal):
            // A server that stops does not end the membership, but the session. A server that lies may give its number
            // to the next one.
            membership = dismissal == .stopping && membership != .none ? .lost : .none
            announced = nil
            return nil
        case .trustEnded, .trustRestored:
            let isSound = membership != .none && isTrusted != (event == .trustRestored)
            isTrusted = event == .trustRestored
            return isSound ? nil : "\(event) while \(membership)"
        case .refused, .excluded, .unanswered, .slowRoundTrip, .serverLocated, .lookupFailed, .unreachable,
            .directoryStalled:
            return nil
        case .memberJoined, .memberRejoined, .memberLeft, .nameMoved, .message:
            guard membership != .none else { return "outside of a membership: \(event)" }
            return takeMember(event)
        case .missed:
            return "events were dropped"
        case .left, .ended:
            membership = .over
            return nil
        }
    }

    private mutating func takeMember(_ event: PeerEvent) -> String? {
        isUnchecked = true
        return switch event {
        case .memberJoined(let member):
            members.insert(member.publicKey).inserted ? nil : "\(member.name) joined twice"
        case .memberRejoined(let member, _):
            members.contains(member.publicKey) ? nil : "\(member.name) rejoined before it joined"
        case .memberLeft(let member, _):
            members.remove(member.publicKey) != nil ? nil : "\(member.name) left before it joined"
        default: nil
        }
    }

    /// Compares the events with the peer after all of its events were taken.
    ///
    /// - Parameters:
    ///   - isMember: The peer may speak in `session`, and its connection is not lost.
    ///   - isPending: Events wait for `.joined`, so those that were taken do not tell of all changes.
    ///   - keys: The keys of the members that the peer lists.
    /// - Returns: The promise that is broken, or nil.
    package mutating func check(
        session: SessionID?, isMember: Bool, isPending: Bool = false, keys: () -> Set<PublicKey>
    ) -> String? {
        if isMember, announced != session { return "it may speak, and has not emitted `joined`" }
        guard isUnchecked, !isPending, membership == .connected || membership == .lost, session == announced else {
            return nil
        }
        isUnchecked = false
        return keys() == members ? nil : "its events report other members than it lists"
    }

    /// Notes that the peer's directory has changed.
    package mutating func directoryChanged() { isUnchecked = true }
}
