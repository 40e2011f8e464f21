/// The order of a session's events: `.joined` comes first, when the peer may speak.
///
/// Earlier events are buffered. If the session ends first, they are emitted before the event that ends it, except for
/// messages. A message is dropped as well if its sender is not a member when the buffer is emitted: it may have waited
/// for longer than its sender was trusted.
package struct JoinedGate: Sendable {
    /// True until `.joined` of the current session is emitted.
    private(set) package var isPending = false
    private var waiting: [PeerEvent] = []
    private var messages = 0

    package init() {}

    /// Begins to buffer the events of a new session.
    package mutating func begin() {
        isPending = true
    }

    /// Returns the events to emit, in order, after `event` has happened.
    package mutating func pass(_ event: PeerEvent) -> [PeerEvent] {
        guard isPending else { return [event] }
        if event.endsSession {
            isPending = false
            return drain { _ in false } + [event]
        }
        // A member's event is never dropped, so those are emitted at their limit. Messages may be lost.
        if case .message = event {
            guard messages < Limits.events else { return [] }
            messages += 1
        } else if waiting.count - messages >= Limits.directoryEntries {
            return drain { _ in false } + [event]
        }
        waiting.append(event)
        return []
    }

    /// Returns `.joined` and the buffered events, or nothing if `.joined` has been emitted.
    ///
    /// - Parameter isMember: Whether a sender is a member; messages of others are dropped.
    package mutating func announce(_ address: SocketAddress, isMember: (PublicKey) -> Bool) -> [PeerEvent] {
        guard isPending else { return [] }
        isPending = false
        return [.joined(address: address)] + drain(isMember)
    }

    private mutating func drain(_ isMember: (PublicKey) -> Bool) -> [PeerEvent] {
        defer { (waiting, messages) = ([], 0) }
        return waiting.filter { event in
            if case .message(let message) = event { isMember(message.sender.publicKey) } else { true }
        }
    }
}

extension PeerEvent {
    fileprivate var endsSession: Bool {
        switch self {
        case .connectionLost, .dismissed, .left, .ended: true
        case .joined, .connectionRecovered, .refused, .unanswered, .memberJoined, .memberRejoined, .memberLeft,
            .nameMoved, .message, .missed:
            false
        }
    }
}
