package import MeshSimulator
package import SecureMeshCore

/// A valid datagram, and a receiver that has its keys.
package struct Sample: Sendable {
    package let name: String
    package let kind: Kind
    package let bytes: [UInt8]
    /// The payload followed by its signature; for RETRY, only the signature.
    package let plaintext: [UInt8]
    /// Seals any plaintext with the datagram's key, as a member that knows the key could.
    package let reseal: @Sendable (_ plaintext: [UInt8]) -> [UInt8]
    private let receive: @Sendable (_ bytes: [UInt8]) throws(Rejection) -> Void

    /// - Parameter receive: Opens and verifies a datagram of this kind as its receiver does.
    package init(
        _ name: String? = nil, _ datagram: ForgedDatagram,
        receive: @escaping @Sendable (_ bytes: [UInt8]) throws(Rejection) -> Void
    ) {
        self.name = name ?? "\(datagram.kind)"
        kind = datagram.kind
        bytes = datagram.bytes
        plaintext = datagram.plaintext
        reseal = { datagram.seal($0) }
        self.receive = receive
    }

    package var payload: [UInt8] { Array(plaintext.dropLast(Signature.count)) }

    /// Returns the receiver's refusal of `bytes`; nil if the receiver accepts them.
    package func refusal(of bytes: [UInt8]) -> Rejection? {
        do throws(Rejection) {
            let datagram = try Datagram(decoding: bytes.span)
            guard datagram.header.kind == kind else { return .misdirected }
            try receive(bytes)
            return nil
        } catch {
            return error
        }
    }

    /// Returns true if no receiver detects a change of the byte at `index`. This is true of the tag and the cookie of a
    /// RETRY, which are not signed.
    package func mayDiffer(at index: Int) -> Bool {
        guard kind == .retry else { return false }
        return (4..<12).contains(index) || (Header.size..<Header.size + Bytes16.count).contains(index)
    }
}
