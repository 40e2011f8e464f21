/// The kind of an answer to a HELLO, with its open fields (PROTOCOL.md, section 5.8).
package enum JoinAnswer: Sendable {
    case retry(cookie: Bytes16)
    case welcome(ephemeral: AgreementPublicKey)
    case reject(salt: Bytes32)
}
