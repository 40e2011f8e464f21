/// Signs the datagrams of one sender in one mesh. The sender is a server, whose epoch is `from`, or a peer, whose
/// session is `from`.
package struct Signer: Sendable {
    package let key: SigningKey
    package let context: SigningContext
    package let from: UInt64

    package init(key: SigningKey, context: SigningContext, from: UInt64) {
        self.key = key
        self.context = context
        self.from = from
    }

    package func sign(
        _ fields: OpenFields, _ payload: some Payload, extra: SigningContext.Extra = .none
    ) -> SignedPayload {
        SignedPayload(fields, from: from, extra: extra, payload: payload.encoded, context: context, key: key)
    }
}
