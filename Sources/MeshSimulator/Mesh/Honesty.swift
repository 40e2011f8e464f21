internal import SecureMeshCore

extension Rejection {
    /// True if no unchanged datagram of an honest machine can be refused for this reason, however late it arrives and
    /// in whatever order, unless a copy of it arrived earlier.
    var isNeverHonest: Bool {
        switch self {
        case .truncatedHeader, .unsupportedVersion, .unknownKind, .lengthMismatch, .sizeOutOfRange, .invalidSessionIDs,
            .counterOutOfRange, .nonCanonicalAgreementKey, .nonZeroPadding, .invalidName, .invalidAddress,
            .entriesOutOfOrder, .partOutOfRange, .versionOutOfRange, .emptyDelta, .unknownReason, .unknownFlag,
            .numberOutOfRange, .invalidParameters,
            .payloadLengthMismatch, .agreementFailed, .sealBroken, .signatureInvalid, .identityInvalid,
            .counterReplayed,
            .memberMisbehaved, .bindingInvalid, .notAddressedToMe, .directoryContradiction,
            .directoryMismatch:
            true
        case .misdirected, .sourceNotAllowed, .overBudget, .prefixOverRate, .unknownTag, .tooManyFailedAnswers,
            .repeatedRetry,
            .unknownTicket, .ticketExpired, .ticketSourceMismatch, .tokenMismatch, .admissionWithdrawn, .unknownSession,
            .sessionEnded, .sourceMismatch, .counterTooOld, .memberOverRate, .numberStale, .deltaNotApplicable,
            .snapshotNotWanted, .untrusted, .unknownSender, .agreementOverRate, .senderOverRate,
            .messagesOverRate:
            false
        }
    }
}
