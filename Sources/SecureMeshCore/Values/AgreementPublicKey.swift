/// An X25519 public key: the u coordinate (RFC 7748), E in PROTOCOL.md.
package struct AgreementPublicKey: Hashable, Sendable {
    package var bytes: Bytes32

    package init(bytes: Bytes32) {
        self.bytes = bytes
    }

    /// Returns true if the 32 bytes at `offset` are the canonical encoding of u: u is below p = 2^255 - 19, and the top
    /// bit is 0. The caller has checked the length.
    package static func isCanonical(_ span: Span<UInt8>, at offset: Int) -> Bool {
        guard span[offset + 31] <= 0x7F else { return false }
        guard span[offset + 31] == 0x7F, span[offset] >= 0xED else { return true }
        for index in 1..<31 where span[offset + index] != 0xFF { return true }
        return false
    }
}
