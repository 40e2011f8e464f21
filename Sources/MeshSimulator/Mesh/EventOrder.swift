package import SecureMeshCore

/// Checks that the events of one peer come in the order that the documentation of `PeerEvent` promises.
package struct EventOrder: Sendable {
    private enum Membership: Sendable {
        case none, connected, lost, over
    }

    private var membership = Membership.none
    private var isTrusted = false
    /// The session that the newest `.joined` announced; nil before the first `.joined` and after `.dismissed`.
    private(set) package var announced: SessionID?
    /// The keys of the present members, according to the events.
    private(set) package var members: Set<PublicKey> = []
    /// For each name, the key that has it or had it last, according to the events.
    private var holders: [PeerName: PublicKey] = [:]
    /// True if the reported members or the directory may have changed since the last comparison by `check`.
    private var isUnchecked = false

    package init() {}

    /// Checks the next event.
    ///
    /// - Parameter session: The peer's session; nil if the peer has none.
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
            // A server that stops ends the session, not the membership. `announced` is reset, because a lying server
            // may give the next session the same number.
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
        case .memberJoined, .memberRejoined, .memberLeft, .nameMoved:
            guard membership != .none else { return "outside of a membership: \(event)" }
            guard session == nil || session == announced else { return "before `joined`: \(event)" }
            return takeMember(event)
        case .message(let message):
            // A message to the previous session may arrive while the peer joins again.
            guard membership != .none else { return "outside of a membership: \(event)" }
            let isOfMember = members.contains(message.sender.publicKey)
            return isOfMember ? nil : "a message of \(message.sender.name), which is not a member"
        case .missed:
            return "events were dropped"
        case .left, .ended:
            membership = .over
            return nil
        }
    }

    private mutating func takeMember(_ event: PeerEvent) -> String? {
        isUnchecked = true
        switch event {
        case .memberJoined(let member):
            let isNew = members.insert(member.publicKey).inserted
            return isNew ? takeName(of: member) : "\(member.name) joined twice"
        case .memberRejoined(let member, _):
            let isPresent = members.contains(member.publicKey)
            return isPresent ? takeName(of: member) : "\(member.name) rejoined before it joined"
        case .memberLeft(let member, _):
            return members.remove(member.publicKey) != nil ? nil : "\(member.name) left before it joined"
        case .nameMoved(let name, let from, let to):
            let holder = holders.updateValue(to, forKey: name) ?? from
            return holder == from && from != to ? nil : "the name \(name) moved from a key that did not have it"
        default:
            return nil
        }
    }

    private mutating func takeName(of member: Member) -> String? {
        let holder = holders.updateValue(member.publicKey, forKey: member.name) ?? member.publicKey
        return holder == member.publicKey ? nil : "\(member.name) has the name of another key before `nameMoved`"
    }

    /// Compares the peer's session and members with those that its events have reported. Before this call, `take` must
    /// have checked all events of the peer.
    ///
    /// - Parameters:
    ///   - isMember: True if the peer may send messages in `session`, and its connection is not lost.
    ///   - isPending: True if the peer buffers events until `.joined`, so that `take` has not seen all changes yet.
    ///   - keys: Returns the keys of the members that the peer lists.
    /// - Returns: A description of the promise that is broken; nil if no promise is broken.
    package mutating func check(
        session: SessionID?, isMember: Bool, isPending: Bool = false, keys: () -> Set<PublicKey>
    ) -> String? {
        if let fault = checkJoined(session: session, isMember: isMember) { return fault }
        guard isUnchecked, !isPending, membership == .connected || membership == .lost, session == announced else {
            return nil
        }
        isUnchecked = false
        return keys() == members ? nil : "its events report other members than it lists"
    }

    /// Checks that the peer has emitted `.joined` if it may send messages. Costs the same for any number of members.
    ///
    /// - Parameters: As those of `check`.
    package func checkJoined(session: SessionID?, isMember: Bool) -> String? {
        isMember && announced != session ? "it may speak, and has not emitted `joined`" : nil
    }

    /// Notes that the peer's directory has changed.
    package mutating func directoryChanged() { isUnchecked = true }
}
