/// The order of a session's events: `.joined`, said when the peer may speak, comes before all else that happens in it.
///
/// What happens earlier waits here; if the session ends first, it is let go before the end.
package struct Announcement: Sendable {
    private var isPending = false
    private var waiting: [PeerEvent] = []

    package init() {}

    /// A session has begun, of which `.joined` has not been said.
    package mutating func begin() {
        isPending = true
    }

    /// The events to emit, in order, now that `event` has happened.
    package mutating func pass(_ event: PeerEvent) -> [PeerEvent] {
        guard isPending, waiting.count < Limits.events, !event.endsSession else {
            isPending = false
            return release() + [event]
        }
        waiting.append(event)
        return []
    }

    /// As `pass`, of `.joined` itself; nothing if it has been said.
    package mutating func announce(_ address: SocketAddress) -> [PeerEvent] {
        guard isPending else { return [] }
        isPending = false
        return [.joined(address: address)] + release()
    }

    private mutating func release() -> [PeerEvent] {
        defer { waiting = [] }
        return waiting
    }
}

extension PeerEvent {
    fileprivate var endsSession: Bool {
        switch self {
        case .connectionLost, .dismissed, .left, .ended: true
        case .joined, .connectionRecovered, .refused, .unanswered, .memberJoined, .memberRejoined, .memberLeft,
            .nameMoved, .message:
            false
        }
    }
}
