internal import SecureMeshCore

extension Flight {
    var senderIndex: Int? {
        if case .peer(let index) = sender { index } else { nil }
    }

    /// As its sender made it, by one of those who play by the rules.
    var isHonest: Bool {
        if case .attacker = sender { false } else { !isBroken }
    }

    var describedKind: String { kind.map { "\($0)" } ?? "none" }
}

extension Rejection {
    /// What no honest machine's datagram is refused for, however the network treats it, unless a copy came before it.
    var isNeverHonest: Bool {
        switch self {
        case .truncatedHeader, .unsupportedVersion, .unknownKind, .lengthMismatch, .sizeOutOfRange, .invalidSessionIDs,
            .counterOutOfRange, .nonCanonicalAgreementKey, .nonZeroPadding, .invalidName, .invalidAddress,
            .entriesOutOfOrder, .partOutOfRange, .versionOutOfRange, .emptyDelta, .unknownReason, .invalidParameters,
            .payloadLengthMismatch, .agreementFailed, .sealBroken, .signatureInvalid, .identityInvalid,
            .counterReplayed,
            .memberMisbehaved, .bindingInvalid, .notAddressedToMe, .directoryContradiction:
            true
        case .misdirected, .sourceNotAllowed, .overBudget, .prefixOverRate, .unknownTag, .tooManyFailedAnswers,
            .repeatedRetry,
            .unknownTicket, .ticketExpired, .ticketSourceMismatch, .tokenMismatch, .admissionWithdrawn, .unknownSession,
            .sessionEnded, .sourceMismatch, .counterTooOld, .memberOverRate, .numberStale, .deltaNotApplicable,
            .snapshotNotWanted, .untrusted, .unknownSender, .agreementOverRate, .senderOverRate:
            false
        }
    }
}
