/// An Ed25519 public key: who a server or a peer is (RFC 8032).
///
/// Equality is of the 32 bytes. A key read from text has been checked to be a point of the prime-order group.
public struct PublicKey: Hashable, Sendable {
    package var bytes: Bytes32

    package init(bytes: Bytes32) {
        self.bytes = bytes
    }
}

/// An X25519 public key, the u coordinate (RFC 7748): E in PROTOCOL.md.
package struct AgreementPublicKey: Hashable, Sendable {
    package var bytes: Bytes32

    package init(bytes: Bytes32) {
        self.bytes = bytes
    }

    /// Whether the bytes are the one encoding of u: below p = 2^255 - 19, top bit 0.
    package static func isCanonical(_ span: Span<UInt8>, at offset: Int) -> Bool {
        guard span[offset + 31] <= 0x7F else { return false }
        guard span[offset + 31] == 0x7F, span[offset] >= 0xED else { return true }
        for index in 1..<31 where span[offset + index] != 0xFF { return true }
        return false
    }
}

/// An Ed25519 signature: R and S, 64 bytes.
package struct Signature: Hashable, Sendable {
    package var r: Bytes32
    package var s: Bytes32

    package init(r: Bytes32, s: Bytes32) {
        self.r = r
        self.s = s
    }

    package init(_ span: Span<UInt8>, at offset: Int = 0) {
        r = Bytes32(span, at: offset)
        s = Bytes32(span, at: offset + Bytes32.count)
    }

    package func append(to bytes: inout [UInt8]) {
        r.append(to: &bytes)
        s.append(to: &bytes)
    }

    package static let count = 64
}
