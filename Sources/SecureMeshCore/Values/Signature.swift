/// An Ed25519 signature of 64 bytes: R and S (RFC 8032).
package struct Signature: Hashable, Sendable, BitwiseCopyable {
    package var r: Bytes32
    package var s: Bytes32

    package init(r: Bytes32, s: Bytes32) {
        self.r = r
        self.s = s
    }

    /// Reads the 64 bytes of `span` at `offset`. The caller has checked the length.
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
