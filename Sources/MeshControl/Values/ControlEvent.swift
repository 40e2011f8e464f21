#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif
package import SecureMesh

/// An event, as one line of the answer to `GET /v1/events`.
package struct ControlEvent: Codable, Sendable {
    package enum Kind: String, Codable, CaseIterable, Sendable {
        // Of the process itself.
        case joined, connectionLost, connectionRecovered, dismissed, refused, unanswered, slowRoundTrip, serverLocated
        case lookupFailed, directoryStalled, trustEnded, trustRestored, left, ended
        // Of other members.
        case memberJoined, memberRejoined, memberLeft, nameMoved, message
        /// The system of this host refuses to send to a member, or to the server if `name` is nil.
        case unreachable
        // Of a server.
        case turnedAway, suspected, suspicionEnded
        /// At this position of the stream, `count` events were dropped, because they were read too slowly.
        case missed
    }

    package var schema = ControlLimits.schema
    package var time: Timestamp
    package var event: Kind
    /// The name of the other peer that the event concerns; nil if there is none.
    @OrNull package var name: String?
    @OrNull package var address: String?
    @OrNull package var fingerprint: String?
    @OrNull package var previousName: String?
    @OrNull package var reason: String?
    /// The number of attempts, members or dropped events, depending on `event`.
    @OrNull package var count: Int?
    /// The body of a message. `text` is the body as text; nil if the body is not valid UTF-8. `broadcast` is true if
    /// the message was sent to all members. All three are nil for an event that is not a message.
    @OrNull package var body: Data?
    @OrNull package var text: String?
    @OrNull package var broadcast: Bool?

    package init(_ event: Kind, at time: Timestamp = .now) {
        self.time = time
        self.event = event
    }

    package init(_ event: Kind, _ member: Member, at time: Timestamp) {
        self.init(event, at: time)
        name = member.name.description
        address = member.address.description
        fingerprint = member.publicKey.fingerprint
    }

    package init(_ event: PeerEvent, at time: Timestamp) {
        switch event {
        case .joined(let address):
            self.init(.joined, at: time)
            self.address = address.description
        case .connectionLost: self.init(Kind.connectionLost, at: time)
        case .connectionRecovered: self.init(Kind.connectionRecovered, at: time)
        case .dismissed(let dismissal):
            self.init(.dismissed, at: time)
            reason = dismissal.rawValue
        case .refused(let delay, _):
            self.init(.refused, at: time)
            reason = JoinRefusal(delay).rawValue
        case .excluded:
            self.init(.refused, at: time)
            reason = JoinRefusal.notAuthorized.rawValue
        case .unanswered(let attempts):
            self.init(.unanswered, at: time)
            count = attempts
        case .slowRoundTrip: self.init(.slowRoundTrip, at: time)
        case .serverLocated(let addresses):
            self.init(.serverLocated, at: time)
            address = addresses.map(\.description).joined(separator: ", ")
        case .lookupFailed(let why):
            self.init(.lookupFailed, at: time)
            reason = why
        case .unreachable(let member, let address, let refusal):
            if let member { self.init(.unreachable, member, at: time) } else { self.init(.unreachable, at: time) }
            self.address = address.description
            reason = refusal.rawValue
        case .directoryStalled: self.init(.directoryStalled, at: time)
        case .trustEnded: self.init(.trustEnded, at: time)
        case .trustRestored: self.init(Kind.trustRestored, at: time)
        case .memberJoined(let member): self.init(.memberJoined, member, at: time)
        case .memberRejoined(let member, let previousName):
            self.init(.memberRejoined, member, at: time)
            self.previousName = previousName?.description
        case .memberLeft(let member, let departure):
            self.init(.memberLeft, member, at: time)
            reason = departure?.rawValue
        case .nameMoved(let name, _, let key):
            self.init(.nameMoved, at: time)
            self.name = name.description
            fingerprint = key.fingerprint
        case .message(let message):
            self.init(.message, message.sender, at: time)
            body = Data(message.body)
            text = message.text
            broadcast = message.isBroadcast
        case .missed(let missed):
            self.init(.missed, at: time)
            count = missed
        case .left: self.init(Kind.left, at: time)
        case .ended(let exclusion):
            self.init(.ended, at: time)
            reason = exclusion.rawValue
        }
    }

    package init(_ event: ServerEvent, at time: Timestamp) {
        switch event {
        case .joined(let member): self.init(.memberJoined, member, at: time)
        case .left(let member, let departure):
            self.init(.memberLeft, member, at: time)
            reason = departure.rawValue
        case .turnedAway(let name, let key, let refusal):
            self.init(.turnedAway, at: time)
            self.name = name.description
            fingerprint = key.fingerprint
            reason = refusal.rawValue
        case .directoryStalled(let member, _): self.init(.directoryStalled, member, at: time)
        case .unreachable(let member, let refusal):
            self.init(.unreachable, member, at: time)
            reason = refusal.rawValue
        case .suspected(let suspected):
            self.init(.suspected, at: time)
            count = suspected
        case .suspicionEnded(_, let ended):
            self.init(.suspicionEnded, at: time)
            count = ended
        case .missed(let missed):
            self.init(.missed, at: time)
            count = missed
        }
    }

    /// Makes the event that replaces `count` dropped events in a stream.
    package static func missed(_ count: Int) -> ControlEvent {
        var event = ControlEvent(Kind.missed)
        event.count = count
        return event
    }
}
