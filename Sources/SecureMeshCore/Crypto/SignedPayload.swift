/// What a signature in one mesh covers (PROTOCOL.md, section 4): ctx ‖ kind ‖ from ‖ [extra] ‖ clear ‖ payload.
///
/// Carries the primitives to all that signs, verifies, seals, opens or agrees in this mesh. It never changes, and is a
/// class so that all of these refer to one: as a part of each it would make every session dear to look at.
package final class SigningContext: Sendable {
    package let server: PublicKey
    package let primitives: any Primitives
    private let prefix: [UInt8]

    package init(server: PublicKey, primitives: any Primitives = Libsodium()) {
        self.server = server
        self.primitives = primitives
        prefix = Array("securemesh/1".utf8) + server.bytes.array
    }

    /// What binds a signature to a handshake; nothing in the other kinds.
    package enum Extra: Sendable {
        case none
        /// T in WELCOME, T_r in REJECT.
        case transcript(Bytes32)
        /// CONFIRM.
        case binder(Secret32)
    }

    package func signedBytes(
        _ kind: Kind, from: UInt64, extra: Extra = .none, clear: Header.Clear = .none, payload: [UInt8]
    ) -> [UInt8] {
        var bytes = prefix
        bytes.reserveCapacity(prefix.count + 9 + 2 * Bytes32.count + payload.count)
        bytes.append(kind.rawValue)
        bytes.append(bigEndian: from)
        switch extra {
        case .none: break
        case .transcript(let digest): digest.append(to: &bytes)
        case .binder(let secret): secret.append(to: &bytes)
        }
        clear.append(to: &bytes)
        bytes.append(contentsOf: payload)
        return bytes
    }

    /// H(label, ctx ‖ HELLO ‖ last): T with E_s, T_r with the salt.
    package func transcript(_ label: HashLabel, hello: [UInt8], last: Bytes32) -> Bytes32 {
        var bytes = prefix + hello
        last.append(to: &bytes)
        return Sodium.hash(label, bytes.span)
    }

    /// Whether `entry.binding` is the signature of the HELLO that would have led to `entry`.
    package func isBound(_ entry: Entry) -> Bool {
        let hello = Hello(identity: entry.identity, name: entry.name)
        let bytes = signedBytes(.hello, from: 0, clear: .agreementKey(entry.agreementKey), payload: hello.encoded)
        return primitives.isValidPoint(entry.identity)
            && primitives.verify(entry.binding, of: bytes, by: entry.identity)
    }
}

extension SigningContext: Equatable {
    package static func == (left: SigningContext, right: SigningContext) -> Bool {
        left.server == right.server
    }
}

/// A payload signed once, to be sealed for as many receivers as there are.
package struct SignedPayload: Equatable, Sendable {
    package let kind: Kind
    package let from: UInt64
    package let clear: Header.Clear
    /// payload ‖ signature.
    package let plaintext: [UInt8]
    package let signature: Signature
    private let context: SigningContext

    package init(
        _ kind: Kind, from: UInt64, extra: SigningContext.Extra = .none, clear: Header.Clear = .none,
        payload: [UInt8], context: SigningContext, key: SigningKey
    ) {
        self.kind = kind
        self.from = from
        self.clear = clear
        self.context = context
        // Wiped: the binder may be in it.
        var bytes = context.signedBytes(kind, from: from, extra: extra, clear: clear, payload: payload)
        defer { Sodium.wipe(&bytes) }
        signature = context.primitives.sign(bytes, by: key)
        var plaintext = payload
        signature.append(to: &plaintext)
        self.plaintext = plaintext
    }

    /// The whole datagram, its size included.
    package func sealed(
        to: UInt64, counter: UInt64, delivery: Header.Delivery = .none, with key: Secret32
    ) -> [UInt8] {
        let header = Header(kind, to: to, from: from, counter: counter, delivery: delivery, clear: clear)
        var datagram = header.encode(size: kind.sealedOffset + plaintext.count + Kind.tagSize)
        context.primitives.seal(plaintext, onto: &datagram, counter: counter, key: key)
        return datagram
    }

    /// RETRY, which is signed and not sealed.
    package func unsealed(to: UInt64, delivery: Header.Delivery) -> [UInt8] {
        let header = Header(kind, to: to, from: from, counter: 0, delivery: delivery, clear: clear)
        return header.encode(size: kind.sealedOffset + plaintext.count) + plaintext
    }
}

/// Signs in one mesh, in one role: a server under its epoch, a peer under its session.
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
        _ kind: Kind, _ payload: some Payload, extra: SigningContext.Extra = .none, clear: Header.Clear = .none
    ) -> SignedPayload {
        SignedPayload(
            kind, from: from, extra: extra, clear: clear, payload: payload.encoded, context: context, key: key)
    }
}
