/// The key with which this peer seals messages for one session of another member.
struct OutboundPair: Sendable {
    private let identity: PublicKey
    private let agreementKey: AgreementPublicKey
    private var channel: SendingChannel

    init(with entry: Entry, key: Secret32) {
        identity = entry.identity
        agreementKey = entry.agreementKey
        channel = SendingChannel(key: key)
    }

    /// Returns true if the key was made with the member of this entry. A lying server can list two members under one
    /// session, in two directories. A message for one of them must not be sealed with the key of the other.
    func isMade(for entry: Entry) -> Bool {
        identity == entry.identity && agreementKey == entry.agreementKey
    }

    /// Seals a datagram under the next counter. Returns nil if all counters below 2^48 are used up.
    mutating func seal(_ payload: SignedPayload, to session: SessionID) -> [UInt8]? {
        channel.seal(payload, to: session.rawValue)
    }
}
