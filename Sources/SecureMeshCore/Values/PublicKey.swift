/// An Ed25519 public key: the identity of a server or a peer (RFC 8032).
///
/// Two keys are equal if their 32 bytes are equal. A key that is read from text has been checked to be a point of the
/// prime-order group.
public struct PublicKey: Hashable, Sendable {
    package var bytes: Bytes32

    package init(bytes: Bytes32) {
        self.bytes = bytes
    }
}
