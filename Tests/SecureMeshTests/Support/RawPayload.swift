import SecureMesh

/// A payload of arbitrary bytes. A malicious member or a dishonest server can sign and seal it.
struct RawPayload: Payload {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    init(decoding span: Span<UInt8>) throws(Rejection) {
        bytes = [UInt8](copying: span)
    }

    func append(to bytes: inout [UInt8]) {
        bytes += self.bytes
    }
}
