/// The key schedule of joining (PROTOCOL.md, section 5.1), without state.
///
/// D1 = DH(e_p, S_x), from the joiner's ephemeral key and the server's long-term key, hides the joiner's identity. D2 =
/// DH(e_p, e_s), from the ephemeral keys of both, gives the session's keys forward secrecy.
package enum Handshake {
    /// Returns the tag of a HELLO: the first 8 bytes of H("tag", HELLO). The server addresses its answer to this tag.
    package static func tag(of hello: [UInt8]) -> UInt64 {
        Sodium.hash(.tag, hello.span).array.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Returns the key that seals a HELLO: k0 = KDF("hello", D1 ‖ E_p ‖ cookie ‖ S).
    package static func helloKey(
        d1: Secret32, ephemeral: AgreementPublicKey, cookie: Bytes16, server: PublicKey
    ) -> Secret32 {
        let input = SecretInput()
        input.append(d1)
        input.append(ephemeral.bytes)
        input.append(cookie)
        input.append(server.bytes)
        return Sodium.derive(.hello, input)
    }

    /// Returns the key that seals a REJECT: k_rej = KDF("reject", D1 ‖ T_r), where T_r is `transcript`.
    package static func rejectKey(d1: Secret32, transcript: Bytes32) -> Secret32 {
        let input = SecretInput()
        input.append(d1)
        input.append(transcript)
        return Sodium.derive(.reject, input)
    }

    /// Returns the key that seals a WELCOME: k1 = KDF("welcome", D2 ‖ D1 ‖ T), where T is `transcript`.
    package static func welcomeKey(d1: Secret32, d2: Secret32, transcript: Bytes32) -> Secret32 {
        Sodium.derive(.welcome, agreed(d1, d2, transcript))
    }

    /// Returns the key that seals a RESUME: k_res = KDF("resume", D2 ‖ D1 ‖ T_m), where T_m is `transcript`.
    package static func resumeKey(d1: Secret32, d2: Secret32, transcript: Bytes32) -> Secret32 {
        Sodium.derive(.resume, agreed(d1, d2, transcript))
    }

    /// Returns the session's keys. Each of them is derived from J = master ‖ session ‖ epoch, where master =
    /// KDF("master", D2 ‖ D1 ‖ T) and T is `transcript`. After RESUME, T_m takes the place of T.
    package static func sessionKeys(
        d1: Secret32, d2: Secret32, transcript: Bytes32, session: SessionID, epoch: UInt64
    ) -> SessionKeys {
        let input = SecretInput()
        input.append(Sodium.derive(.master, agreed(d1, d2, transcript)))
        input.append(session.rawValue)
        input.append(epoch)
        return SessionKeys(
            peerToServer: Sodium.derive(.peerToServer, input),
            serverToPeer: Sodium.derive(.serverToPeer, input),
            binder: Sodium.derive(.binder, input)
        )
    }

    private static func agreed(_ d1: Secret32, _ d2: Secret32, _ transcript: Bytes32) -> SecretInput {
        let input = SecretInput()
        input.append(d2)
        input.append(d1)
        input.append(transcript)
        return input
    }
}
