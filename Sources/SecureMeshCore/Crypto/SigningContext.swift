/// The context of all signatures in one mesh (PROTOCOL.md, section 4.2).
///
/// A signature covers ctx ‖ kind ‖ from ‖ [extra] ‖ clear ‖ payload, where ctx is the text `securemesh/1` and the mesh
/// key.
///
/// The context also holds the primitives with which this mesh signs, verifies, seals, opens and agrees. The context is
/// immutable. It is a class, so that all sessions refer to one instance and stay cheap to copy.
package final class SigningContext: Sendable {
    /// The mesh key, M in PROTOCOL.md. If the mesh has only one server, it is the server's identity.
    package let mesh: PublicKey
    package let primitives: any Primitives
    private let prefix: [UInt8]

    package init(mesh: PublicKey, primitives: any Primitives = Libsodium()) {
        self.mesh = mesh
        self.primitives = primitives
        prefix = Array("securemesh/1".utf8) + mesh.bytes.array
    }

    /// The value that binds the signature of a WELCOME, REJECT, RESUME or CONFIRM to its handshake. The signatures of
    /// other kinds cover no such value.
    package enum Extra: Sendable {
        case none
        /// The hash of the handshake: T in WELCOME, T_r in REJECT, T_m in RESUME (PROTOCOL.md, sections 5.1 and 5.10).
        case transcript(Bytes32)
        /// In CONFIRM: the binder, which is a secret of the session, and the identity of the server that the peer
        /// joins.
        case binder(Secret32, server: PublicKey)
    }

    /// Returns the bytes that a signature covers.
    package func signedBytes(
        _ fields: OpenFields, from: UInt64, extra: Extra = .none, payload: some Collection<UInt8>
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(prefix.count + 9 + 3 * Bytes32.count + payload.count)
        bytes.append(contentsOf: prefix)
        bytes.append(fields.kind.rawValue)
        bytes.append(bigEndian: from)
        switch extra {
        case .none: break
        case .transcript(let digest): digest.append(to: &bytes)
        case .binder(let secret, let server):
            secret.append(to: &bytes)
            server.bytes.append(to: &bytes)
        }
        fields.appendClear(to: &bytes)
        bytes.append(contentsOf: payload)
        return bytes
    }

    /// Returns the hash of a handshake: H(label, ctx ‖ S ‖ opening ‖ last). For WELCOME, `opening` is the HELLO, `last`
    /// is E_s, and the hash is T. For REJECT, `opening` is the HELLO, `last` is the salt, and the hash is T_r.
    package func transcript(_ label: HashLabel, server: PublicKey, opening: [UInt8], last: Bytes32) -> Bytes32 {
        var bytes = prefix + server.bytes.array + opening
        last.append(to: &bytes)
        return Sodium.hash(label, bytes.span)
    }

    /// Returns the hash of a handshake that RESUME begins: T_m = H("transcript resume", ctx ‖ S ‖ session ‖ epoch ‖ E ‖
    /// E_s), where E is the key in the member's entry.
    package func resumeTranscript(
        server: PublicKey, session: SessionID, epoch: UInt64, member: AgreementPublicKey, last: AgreementPublicKey
    ) -> Bytes32 {
        var opening: [UInt8] = []
        opening.append(bigEndian: session.rawValue)
        opening.append(bigEndian: epoch)
        member.bytes.append(to: &opening)
        return transcript(.transcriptResume, server: server, opening: opening, last: last.bytes)
    }

    /// Returns true if `entry.binding` is a valid signature of a HELLO with the identity, name and agreement key of
    /// `entry` (PROTOCOL.md, section 3.6).
    package func isBound(_ entry: Entry) -> Bool {
        let hello = Hello(identity: entry.identity, name: entry.name)
        let bytes = signedBytes(
            .hello(cookie: .zero, ephemeral: entry.agreementKey), from: 0, payload: hello.encoded)
        return primitives.isValidPoint(entry.identity)
            && primitives.verify(entry.binding, of: bytes, by: entry.identity)
    }
}

extension SigningContext: Equatable {
    package static func == (left: SigningContext, right: SigningContext) -> Bool {
        left.mesh == right.mesh
    }
}
