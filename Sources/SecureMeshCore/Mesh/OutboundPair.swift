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

    /// Seals `payload` for the session of `entry` under the next counter, and returns the datagram.
    ///
    /// A lying server can list two members under one session, in two directories. A message for one of them must not be
    /// sealed with the key of the other.
    ///
    /// - Throws: `SealError.noKey` if the key was made with another member; `.counterExhausted` if all counters below
    ///   2^48 are used up.
    mutating func seal(_ payload: SignedPayload, for entry: Entry) throws(SealError) -> [UInt8] {
        guard identity == entry.identity, agreementKey == entry.agreementKey else { throw .noKey(.bindingInvalid) }
        guard let sealed = channel.seal(payload, to: entry.session.rawValue) else { throw .counterExhausted }
        return sealed
    }
}
