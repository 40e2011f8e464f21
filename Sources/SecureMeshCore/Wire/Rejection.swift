/// The reason why bytes from the network were refused.
///
/// Each reason has its own counter, see ``RejectionCounters``. PROTOCOL.md names the check that leads to each reason.
///
/// A refused datagram is counted under its reason. Unless the description of the reason says otherwise, it is not
/// answered and changes only rate limits, failure counts and computed keys. If its signature has been verified, the
/// replay window changes too.
@nonexhaustive
public enum Rejection: String, CaseIterable, Sendable, Error {
    // MARK: the bytes are not a datagram of version 1

    /// The datagram is smaller than a header.
    case truncatedHeader
    /// The protocol version is not 1.
    case unsupportedVersion
    /// The number in the kind field stands for no kind of datagram.
    case unknownKind
    /// The length field is not the number of bytes received.
    case lengthMismatch
    /// The size of the datagram is not one that its kind can have.
    case sizeOutOfRange
    /// `to` or `from` is 0 where it must not be 0, or is not 0 where it must be 0; or `to` and `from` are the same
    /// session or epoch; or a session id in the payload is 0.
    case invalidSessionIDs
    /// The counter is 0 where it must not be 0, is not 0 where it must be 0, or is 2^48 or more.
    case counterOutOfRange
    /// An X25519 key is not the canonical encoding of u (RFC 7748): u is p or more, or the top bit is set.
    case nonCanonicalAgreementKey
    /// A byte of the padding is not zero.
    case nonZeroPadding
    /// A name is empty, too long, or has a character that is not allowed.
    case invalidName
    /// An address has an unknown family, nonzero bytes after an IPv4 address, or port 0; or it is IPv4-mapped IPv6, or
    /// does not name one host.
    case invalidAddress
    /// The sessions of entries or of removals do not ascend strictly.
    case entriesOutOfOrder
    /// In a SNAPSHOT, `part` is not below `parts`, or there are several parts and this one is empty.
    case partOutOfRange
    /// A DELTA's `to` is not above its `from`, or a version that must not be 0 is 0.
    case versionOutOfRange
    /// A DELTA changes nothing.
    case emptyDelta
    /// The code of a reason is not defined for this kind of datagram.
    case unknownReason
    /// A flag is set that is not defined for this kind of datagram, or a MESSAGE is a probe but does not ask for an
    /// ACK.
    case unknownFlag
    /// The number in an ACK, or in a MESSAGE that asks for an ACK, is 0.
    case numberOutOfRange
    /// The directory id or an interval in a WELCOME or RESUME is 0, or the intervals contradict each other; or a RESUME
    /// has a start of 0, or another directory id than the session.
    case invalidParameters
    /// The payload is shorter or longer than its fields require.
    case payloadLengthMismatch

    // MARK: handshakes

    /// A HELLO came from an address to which members could not send, or from an address of the server itself.
    case sourceNotAllowed
    /// The datagram belongs to another epoch, or it is of a kind that only the other side (server or peer) receives.
    case misdirected
    /// A HELLO with a valid cookie, or a CONFIRM, came while the handshake budget was too low to serve it.
    case overBudget
    /// A HELLO with a valid cookie came from an address prefix that has used up its rate limit.
    case prefixOverRate
    /// The X25519 shared secret is zero, because the public key is of small order.
    case agreementFailed
    /// The seal did not open: a bit was changed, or the datagram was sealed with another key.
    case sealBroken
    /// The signature was not made with the expected key. In a CONFIRM, this ends the handshake.
    case signatureInvalid
    /// The joiner claims the mesh key or the server's own key, or a key that is not a point of the prime-order group.
    case identityInvalid
    /// The answer belongs to no outstanding HELLO.
    case unknownTag
    /// Four earlier answers to the same HELLO have failed, or RESUMEs come faster than `Limits.resumeRate`.
    case tooManyFailedAnswers
    /// A second RETRY came for the same HELLO.
    case repeatedRetry
    /// A CONFIRM came for a handshake that is not pending.
    case unknownTicket
    /// A CONFIRM came more than five seconds after its WELCOME.
    case ticketExpired
    /// A CONFIRM came from another address than its HELLO, or at another socket or address of the server.
    case ticketSourceMismatch
    /// A CONFIRM does not carry the token of its WELCOME, its number is 0, or its part is not 0.
    case tokenMismatch
    /// A CONFIRM came, but the joiner may not join any more. Since its HELLO, the key was revoked or barred, the name
    /// or the address was taken, the server became full, the identity used up its rate limit for joins, or too many
    /// members wait to be listed. This ends the handshake.
    case admissionWithdrawn

    /// A HELLO with a valid cookie came from the address of a member that the server has kept across a restart. The
    /// server has just sent this member a RESUME, or will send it one soon, and first waits for the answer.
    case resumeOutstanding
    /// A RESUME came for keys that the peer has already, while the peer waits for the first PULSE of another session,
    /// or when the rekey of the peer is due.
    case resumeNotWanted

    // MARK: sessions

    /// The datagram is for or from a session that does not exist.
    case unknownSession
    /// The session has ended. The datagram is late, or it repeats one that was accepted. A peer sends LEAVE several
    /// times, for example, and the first LEAVE ends its session.
    case sessionEnded
    /// The datagram came from another address than the CONFIRM of its session, or at another socket or address of the
    /// server. Or a RESUME came from another address than the server's.
    case sourceMismatch
    /// The counter was accepted before in the same session.
    case counterReplayed
    /// The counter is 2,048 or more below the highest accepted counter.
    case counterTooOld
    /// The member sends more datagrams than its rate limit allows.
    case memberOverRate
    /// The number in the payload is not above the highest accepted number of the session; in RESUME, the number of the
    /// server's start.
    case numberStale
    /// A member's datagram has an intact seal but a wrong signature. This ends the session with a GOODBYE, and bars the
    /// identity for 60 s.
    case memberMisbehaved
    /// A DELTA does not apply to the version of the directory that the peer holds, or the peer has stored this DELTA
    /// already.
    case deltaNotApplicable
    /// The peer does not need this part of a SNAPSHOT.
    ///
    /// The peer has the part already, or has this version of the directory, or collects a higher version. Or the part
    /// names another number of parts than the others, or too many parts (PROTOCOL.md, section 6.5).
    case snapshotNotWanted
    /// A SNAPSHOT or DELTA repeats an identity, a name or an address, lists an ended session, or changes an entry. The
    /// whole change is refused. If the directory is not proven in this session, the peer then asks for a whole
    /// SNAPSHOT. Or a message came from a session that had ended and is listed again.
    case directoryContradiction

    /// The digest of the peer's directory differs from the digest of the server's directory, or the server's version
    /// stays below that of the peer's directory. The peer asks for a whole SNAPSHOT, and keeps its directory until the
    /// SNAPSHOT is complete.
    case directoryMismatch

    // MARK: messages

    /// A message came while the newest proof of the directory was too old; or a message must wait until the peer has
    /// joined, and there is no room for it.
    case untrusted
    /// The sender of a message is not a member, or is the receiver itself.
    case unknownSender
    /// The binding in a directory entry is not a valid signature by the member that the entry lists. The entry is not
    /// used again.
    case bindingInvalid
    /// The first datagram of a new sender came while the peer had used up its rate limit for computing keys with such
    /// senders, or remembered too many ended sessions and had to join again.
    case agreementOverRate
    /// The sender addressed the message, or the ACK, to another member.
    case notAddressedToMe
    /// The sender sends more messages, more bytes in messages, or more ACKs, than its rate limits allow.
    case senderOverRate
    /// All senders together send more bytes in messages than their common rate limit allows.
    case messagesOverRate
}

extension Rejection {
    /// True if the refusal also occurs among honest implementations, when datagrams are lost, repeated or reordered.
    package var isEveryday: Bool {
        switch self {
        case .unknownTag, .unknownTicket, .repeatedRetry, .sessionEnded, .deltaNotApplicable, .snapshotNotWanted,
            .resumeOutstanding, .resumeNotWanted:
            true
        default: false
        }
    }
}
