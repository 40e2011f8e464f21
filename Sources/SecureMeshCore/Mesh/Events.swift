/// A peer as the directory lists it.
public struct Member: Hashable, Sendable {
    public let name: PeerName
    public let publicKey: PublicKey
    /// Where the server sees it.
    public let address: SocketAddress

    package init(_ entry: Entry) {
        name = entry.name
        publicKey = entry.identity
        address = entry.address
    }
}

/// Why a membership ended.
public enum Departure: String, Hashable, Sendable {
    /// It said LEAVE.
    case left
    /// The same key joined again, from here or elsewhere.
    case replaced
    /// No proof of life within the lifetime.
    case expired
    /// Its key is no longer authorised.
    case revoked
    /// It sealed what it could not have signed: a broken or cheating peer.
    case misbehaved
    /// It did not change its keys in time.
    case tooOld
    /// The server stopped.
    case stopping

    package init(_ reason: Goodbye.Reason) {
        self =
            switch reason {
            case .replaced: .replaced
            case .expired: .expired
            case .revoked: .revoked
            case .misbehaved: .misbehaved
            case .tooOld: .tooOld
            case .stopping: .stopping
            }
    }

    /// Nil for `left`, which the peer itself has said.
    package var goodbye: Goodbye.Reason? {
        switch self {
        case .left: nil
        case .replaced: .replaced
        case .expired: .expired
        case .revoked: .revoked
        case .misbehaved: .misbehaved
        case .tooOld: .tooOld
        case .stopping: .stopping
        }
    }
}

/// Why the server turned a peer away.
public enum JoinRefusal: String, Hashable, Sendable {
    /// The key is not in the server's roster, or stands there under another name. Final.
    case notAuthorised
    case nameTaken
    case addressTaken
    case full
    case busy

    package init(_ reason: Reject.Reason) {
        self =
            switch reason {
            case .notAuthorized: .notAuthorised
            case .nameTaken: .nameTaken
            case .addressTaken: .addressTaken
            case .full: .full
            case .busy: .busy
            }
    }
}

/// What happens at a server.
public enum ServerEvent: Hashable, Sendable {
    case joined(Member)
    case left(Member, Departure)
    /// A correctly signed request to join that was turned away.
    case turnedAway(name: PeerName, publicKey: PublicKey, JoinRefusal)
}

/// What happens at a peer.
public enum PeerEvent: Hashable, Sendable {
    /// This peer is a member with a new session, and may speak; the server sees it at this address.
    case joined(address: SocketAddress)
    /// Nothing fresh from the server for three heartbeats; joining again.
    case connectionLost
    /// The server was heard again before a new session was needed.
    case connectionRecovered
    /// The server ended the session. Unless the reason is `revoked`, the peer joins again.
    case dismissed(Departure)
    case refused(JoinRefusal, retryAfter: Duration)
    /// So many attempts to join have had no answer: no server there, or one with another key.
    case unanswered(attempts: Int)

    case memberJoined(Member)
    /// The member has a new session: it restarted, moved or changed its keys.
    case memberRejoined(Member)
    case memberLeft(Member)
    /// Another key now holds a name that this peer knew.
    case nameMoved(PeerName, from: PublicKey, to: PublicKey)
    case message(ReceivedMessage)

    /// LEAVE has been said, as asked.
    case left
    /// The peer will not join again by itself.
    case ended(JoinRefusal)

    /// Nothing comes after it.
    package var isLast: Bool {
        switch self {
        case .left, .ended: true
        case .joined, .connectionLost, .connectionRecovered, .dismissed, .refused, .unanswered, .memberJoined,
            .memberRejoined, .memberLeft, .nameMoved, .message:
            false
        }
    }
}

/// A message from a member, addressed to this peer or to all.
public struct ReceivedMessage: Hashable, Sendable {
    public let sender: Member
    /// Rises with each message the sender sends to anyone; a gap is a loss or a message to somebody else.
    public let number: UInt64
    public let isBroadcast: Bool
    public let body: [UInt8]
}

/// Why a message was not sent. Nothing has left this peer.
public enum SendError: Error, Hashable, Sendable {
    /// Not a member now, or not sure enough of it: the last proof is too old.
    case notJoined
    /// No member has that name or key.
    case unknownMember
    /// More bytes than `limit`.
    case tooLarge(limit: Int)
    /// The directory's entry does not carry its owner's signature, or stood there before and was gone: the server is
    /// lying about this member.
    case bindingInvalid
}
