/// An answer to a HELLO, with the fields that the answer carries unencrypted (PROTOCOL.md, section 5.8).
package enum JoinAnswer: Sendable {
    case retry(cookie: Bytes16)
    case welcome(ephemeral: AgreementPublicKey)
    case reject(salt: Bytes32)
}
