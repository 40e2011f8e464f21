/// A payload that is signed once and can be sealed for any number of receivers (PROTOCOL.md, section 4.2).
///
/// It is a class, because copying a struct for each receiver would copy all fields and retain its arrays. It is
/// immutable.
package final class SignedPayload: Sendable {
    /// The open fields of the datagram. The signature covers the clear fields among them, but not the delivery fields.
    package let fields: OpenFields
    package let from: UInt64
    /// The bytes that are sealed: the payload, followed by the signature.
    package let plaintext: [UInt8]
    package let signature: Signature
    private let context: SigningContext

    package init(
        _ fields: OpenFields, from: UInt64, extra: SigningContext.Extra = .none, payload: consuming [UInt8],
        context: SigningContext, key: SigningKey
    ) {
        self.fields = fields
        self.from = from
        self.context = context
        var bytes = context.signedBytes(fields, from: from, extra: extra, payload: payload)
        // The bytes may contain the binder, which is a secret.
        defer { Sodium.wipe(&bytes) }
        signature = context.primitives.sign(bytes, by: key)
        signature.append(to: &payload)
        plaintext = payload
    }

    package var kind: Kind { fields.kind }

    /// Returns the whole datagram for one receiver.
    ///
    /// - Parameter fields: The open fields of this receiver's datagram, if their delivery fields differ from those of
    ///   the signed payload; nil otherwise.
    package func sealed(
        to: UInt64, counter: UInt64, as fields: OpenFields? = nil, with key: Secret32
    ) -> [UInt8] {
        let header = Header(fields ?? self.fields, to: to, from: from, counter: counter)
        var datagram = header.encode(size: header.kind.sealedOffset + plaintext.count + Kind.tagSize)
        context.primitives.seal(plaintext, onto: &datagram, counter: counter, key: key)
        return datagram
    }

    /// Returns the whole datagram of a RETRY, which is signed but not sealed.
    package func unsealed(to: UInt64, as fields: OpenFields) -> [UInt8] {
        let header = Header(fields, to: to, from: from, counter: 0)
        return header.encode(size: header.kind.sealedOffset + plaintext.count) + plaintext
    }
}

extension SignedPayload: Equatable {
    package static func == (left: SignedPayload, right: SignedPayload) -> Bool {
        left.fields == right.fields && left.from == right.from && left.plaintext == right.plaintext
            && left.signature == right.signature && left.context == right.context
    }
}
