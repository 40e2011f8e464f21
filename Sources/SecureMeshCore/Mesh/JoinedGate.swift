/// The order of a session's events: `.joined`, said when the peer may speak, comes before all else that happens in it.
///
/// What happens earlier waits here; if the session ends first, it is let go before the end. A message that waited is
/// dropped where it could not be delivered now: it may have waited for longer than its sender was trusted.
package struct JoinedGate: Sendable {
    /// Whether `.joined` has yet to be said.
    private(set) package var isPending = false
    private var waiting: [PeerEvent] = []
    private var messages = 0

    package init() {}

    /// A session has begun, of which `.joined` has not been said.
    package mutating func begin() {
        isPending = true
    }

    /// The events to emit, in order, now that `event` has happened.
    package mutating func pass(_ event: PeerEvent) -> [PeerEvent] {
        guard isPending else { return [event] }
        if event.endsSession {
            isPending = false
            return release { _ in false } + [event]
        }
        // A directory may be as large as it is; messages are a peer's to send, and may be lost.
        if case .message = event {
            guard messages < Limits.events else { return [] }
            messages += 1
        } else if waiting.count - messages >= Limits.directoryEntries {
            return release { _ in false } + [event]
        }
        waiting.append(event)
        return []
    }

    /// As `pass`, of `.joined` itself; nothing if it has been said. `isMember` is asked of those whose messages waited.
    package mutating func announce(_ address: SocketAddress, isMember: (PublicKey) -> Bool) -> [PeerEvent] {
        guard isPending else { return [] }
        isPending = false
        return [.joined(address: address)] + release(isMember)
    }

    private mutating func release(_ isMember: (PublicKey) -> Bool) -> [PeerEvent] {
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
            .nameMoved, .message:
            false
        }
    }
}
