/// The input of a key derivation: public and secret values, one after the other. The bytes are wiped when the last
/// reference to the object is released.
package final class SecretInput {
    private var bytes: [UInt8] = []

    package init() {
        // Large enough for every input: an array that grows leaves an unwiped copy behind.
        bytes.reserveCapacity(512)
    }

    deinit {
        Sodium.wipe(&bytes)
    }

    package func append(_ secret: Secret32) { secret.append(to: &bytes) }
    package func append(_ value: Bytes32) { value.append(to: &bytes) }
    package func append(_ value: Bytes16) { value.append(to: &bytes) }
    package func append(_ value: UInt64) { bytes.append(bigEndian: value) }
    package func append(_ address: SocketAddress) { address.append(to: &bytes) }

    /// Calls `body` with the bytes.
    func withBytes(_ body: ([UInt8]) -> Void) {
        body(bytes)
    }
}
