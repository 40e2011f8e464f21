/// Why bytes from the network were refused. Each case has its own counter; none is answered on the wire.
///
/// SECURITY.md has a row for each. A refusal changes no state but its counter, except where the case says so.
public enum Rejection: String, CaseIterable, Sendable, Error {
    // Wire: the bytes are not a datagram of version 1.
    /// Fewer bytes than a header.
    case truncatedHeader
    case unsupportedVersion
    case unknownKind
    /// The length field is not the size received.
    case lengthMismatch
    /// A size that this kind cannot have.
    case sizeOutOfRange
    /// `to` or `from` is zero where it may not be, not zero where it must be, or they are equal.
    case invalidSessionIDs
    /// Zero where it may not be, not zero where it must be, or at or above 2^48.
    case counterOutOfRange
    /// u at or above p, or the top bit set.
    case nonCanonicalAgreementKey
    case nonZeroPadding
    case invalidName
    /// Family unknown, tail not zero, IPv4-mapped, port 0, or no host's address.
    case invalidAddress
    /// Entries or ids that do not ascend strictly.
    case entriesOutOfOrder
    /// `part` is not below `parts`, or an empty part among several.
    case partOutOfRange
    /// `to` is not `from` + 1, or a version of 0 where there is always one.
    case versionOutOfRange
    /// A DELTA that changes nothing.
    case emptyDelta
    /// A reason code that the kind does not have.
    case unknownReason
    /// WELCOME's intervals are zero or contradict each other.
    case invalidParameters
    /// The payload is not exactly as long as its counts say.
    case payloadLengthMismatch

    // Handshakes.
    case sourceNotAllowed
    case misdirected
    case overBudget
    case prefixOverRate
    case agreementFailed
    case sealBroken
    case signatureInvalid
    /// The joiner claims the server's own key, or one that is no point of the prime-order group.
    case identityInvalid
    case unknownTag
    /// More than four answers to one HELLO failed to open.
    case tooManyFailedAnswers
    case repeatedRetry
    case unknownTicket
    case ticketExpired
    case ticketSourceMismatch
    case tokenMismatch
    /// The roster, a name, an address, room or the join bucket said no at CONFIRM.
    case admissionWithdrawn

    // Sessions.
    case unknownSession
    /// From a session that ended a while ago: late or repeated, as the second LEAVE always is.
    case sessionEnded
    case sourceMismatch
    case counterReplayed
    case counterTooOld
    case memberOverRate
    /// A number that does not rise.
    case numberStale
    /// The seal was right and the signature wrong: ends the session, bars the identity for a minute.
    case memberMisbehaved
    case deltaNotApplicable
    case snapshotNotWanted
    /// A repeated identity, name or address, a removed session or a changed entry in a directory.
    case directoryContradiction

    // Messages.
    case untrusted
    case unknownSender
    case bindingInvalid
    case agreementOverRate
    case notAddressedToMe
    case senderOverRate
}

extension Rejection {
    /// Happens among honest implementations whenever datagrams are lost, repeated or overtake each other.
    package var isEveryday: Bool {
        switch self {
        case .unknownTag, .unknownTicket, .repeatedRetry, .sessionEnded, .deltaNotApplicable, .snapshotNotWanted: true
        default: false
        }
    }
}

/// How often each refusal happened.
public struct RejectionCounters: Hashable, Sendable {
    private var counts: [Rejection: UInt64] = [:]
    public private(set) var total: UInt64 = 0
    /// The newest.
    private(set) package var last: Rejection?

    public init() {}

    public subscript(_ rejection: Rejection) -> UInt64 {
        counts[rejection] ?? 0
    }

    /// Those that happened, in the order of their declaration.
    public var nonZero: [(rejection: Rejection, count: UInt64)] {
        Rejection.allCases.compactMap { rejection in counts[rejection].map { (rejection, $0) } }
    }

    package mutating func count(_ rejection: Rejection) {
        counts[rejection, default: 0] &+= 1
        total &+= 1
        last = rejection
    }

    /// Those of another machine as well.
    package mutating func add(_ other: RejectionCounters) {
        for (rejection, count) in other.nonZero { counts[rejection, default: 0] &+= count }
        total &+= other.total
    }
}
