internal import SecureMeshCore

extension Rejection {
    /// True if an unchanged datagram of an honest machine is never refused for this reason, no matter how late and in
    /// which order datagrams arrive. The one exception is a datagram of which a copy arrived earlier.
    var isNeverHonest: Bool {
        switch self {
        case .truncatedHeader, .unsupportedVersion, .unknownKind, .lengthMismatch, .sizeOutOfRange, .invalidSessionIDs,
            .counterOutOfRange, .nonCanonicalAgreementKey, .nonZeroPadding, .invalidName, .invalidAddress,
            .entriesOutOfOrder, .partOutOfRange, .versionOutOfRange, .emptyDelta, .unknownReason, .unknownFlag,
            .numberOutOfRange, .invalidParameters, .payloadLengthMismatch, .agreementFailed, .sealBroken,
            .signatureInvalid, .identityInvalid, .counterReplayed, .memberMisbehaved, .bindingInvalid,
            .notAddressedToMe, .directoryContradiction, .directoryMismatch:
            true
        case .misdirected, .sourceNotAllowed, .overBudget, .prefixOverRate, .unknownTag, .tooManyFailedAnswers,
            .repeatedRetry, .unknownTicket, .ticketExpired, .ticketSourceMismatch, .tokenMismatch, .admissionWithdrawn,
            .unknownSession, .sessionEnded, .sourceMismatch, .counterTooOld, .memberOverRate, .numberStale,
            .deltaNotApplicable, .snapshotNotWanted, .untrusted, .unknownSender, .agreementOverRate, .senderOverRate,
            .messagesOverRate, .resumeOutstanding, .resumeNotWanted:
            false
        }
    }
}
