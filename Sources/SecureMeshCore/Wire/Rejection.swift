/// The reason why bytes from the network were refused.
///
/// Each reason has its own counter, see ``RejectionCounters``. A refusal is not answered, and changes no state but its
/// counter and the buckets and budgets that bound it, unless its description says otherwise. PROTOCOL.md names the gate
/// that each one belongs to.
@nonexhaustive
public enum Rejection: String, CaseIterable, Sendable, Error {
    // MARK: the bytes are not a datagram of version 1

    /// There are fewer bytes than a header has.
    case truncatedHeader
    /// The protocol version is not 1.
    case unsupportedVersion
    /// There is no kind of this number.
    case unknownKind
    /// The length field is not the number of bytes received.
    case lengthMismatch
    /// This kind cannot have this size.
    case sizeOutOfRange
    /// `to` or `from` is zero where it may not be, not zero where it must be, or they are equal.
    case invalidSessionIDs
    /// The counter is zero where it may not be, not zero where it must be, or 2^48 or more.
    case counterOutOfRange
    /// An X25519 key is not the canonical encoding of u (RFC 7748): u is p or more, or the top bit is set.
    case nonCanonicalAgreementKey
    /// A byte of the padding is not zero.
    case nonZeroPadding
    /// A name is empty, too long, or has a character that is not allowed.
    case invalidName
    /// An address has an unknown family, bytes behind an IPv4 address, or port 0, is IPv4-mapped, or is not that of one
    /// host.
    case invalidAddress
    /// Entries or ids do not ascend strictly.
    case entriesOutOfOrder
    /// `part` is not below `parts`, or one of several parts is empty.
    case partOutOfRange
    /// A DELTA's `to` is not above its `from`, or a version that must not be 0 is 0.
    case versionOutOfRange
    /// A DELTA changes nothing.
    case emptyDelta
    /// The kind has no reason of this code.
    case unknownReason
    /// A flag is set that the kind does not have.
    case unknownFlag
    /// The number in an ACK, or in a MESSAGE that asks for an ACK, is 0.
    case numberOutOfRange
    /// The directory id in a WELCOME is 0, or its intervals are zero or contradict each other.
    case invalidParameters
    /// The payload is not exactly as long as its counts say.
    case payloadLengthMismatch

    // MARK: handshakes

    /// A HELLO came from an address to which members could not send, or from the server's own.
    case sourceNotAllowed
    /// The receiver's side does not handle this kind, or the datagram belongs to another epoch.
    case misdirected
    /// A HELLO with a valid cookie, or a CONFIRM, came while the handshake budget was used up.
    case overBudget
    /// A HELLO with a valid cookie came from a prefix that has used up its rate.
    case prefixOverRate
    /// An X25519 result is zero: the key is of small order.
    case agreementFailed
    /// The seal did not open: a bit differs, or another key sealed it.
    case sealBroken
    /// The signature is not that of the expected key. In a CONFIRM, this ends the handshake.
    case signatureInvalid
    /// The joiner claims the mesh key or the server's own key, or a key that is not a point of the prime-order group.
    case identityInvalid
    /// The answer belongs to no outstanding HELLO.
    case unknownTag
    /// Four answers to this HELLO have failed already.
    case tooManyFailedAnswers
    /// A second RETRY came for one HELLO.
    case repeatedRetry
    /// A CONFIRM came for a handshake that is not pending.
    case unknownTicket
    /// A CONFIRM came more than five seconds after its WELCOME.
    case ticketExpired
    /// A CONFIRM came from another address than its HELLO.
    case ticketSourceMismatch
    /// A CONFIRM does not have the token of its WELCOME, or has fields that it may not have.
    case tokenMismatch
    /// After its HELLO the key was revoked, the name or the address was taken, the server was full, or the join bucket
    /// was empty. This ends the handshake.
    case admissionWithdrawn

    // MARK: sessions

    /// The datagram is for or from a session that does not exist.
    case unknownSession
    /// The session ended before: the datagram is late or repeated, as the second LEAVE always is.
    case sessionEnded
    /// The datagram came from another address than that of the session's member.
    case sourceMismatch
    /// The counter was accepted before.
    case counterReplayed
    /// The counter is 2,048 or more below the newest one.
    case counterTooOld
    /// The member sends more than its rate.
    case memberOverRate
    /// A number does not rise.
    case numberStale
    /// The datagram has a member's seal and not its signature. This ends the session and bars the identity for 60 s.
    case memberMisbehaved
    /// A DELTA does not follow the version held, or is stored already.
    case deltaNotApplicable
    /// A part of a SNAPSHOT is stored already, or its version is not above the one held.
    case snapshotNotWanted
    /// A directory repeats an identity, a name or an address, lists an ended session, or changes an entry.
    case directoryContradiction

    /// The digest of the directory is not the server's. The peer asks for a whole SNAPSHOT, and keeps its directory
    /// until that is complete.
    case directoryMismatch

    // MARK: messages

    /// A message came while the last proof of the directory was too old.
    case untrusted
    /// A message came from no member, or from the receiver itself.
    case unknownSender
    /// The binding of a directory entry is not its owner's signature. The entry is not used again.
    case bindingInvalid
    /// More first messages of new senders came than may be worked on.
    case agreementOverRate
    /// The sender addressed the message, or the ACK, to another member.
    case notAddressedToMe
    /// The sender sends more messages, more bytes in messages, or more ACKs, than its rate.
    case senderOverRate
    /// All senders together send more bytes in messages than their rate.
    case messagesOverRate
}

extension Rejection {
    /// True if the refusal also occurs among honest implementations, when datagrams are lost, repeated or reordered.
    package var isEveryday: Bool {
        switch self {
        case .unknownTag, .unknownTicket, .repeatedRetry, .sessionEnded, .deltaNotApplicable, .snapshotNotWanted: true
        default: false
        }
    }
}
