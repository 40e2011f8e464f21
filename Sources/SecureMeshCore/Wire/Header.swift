/// Everything before the sealed part of a datagram: the header and the open fields (PROTOCOL.md, section 4.1).
///
/// A header does not prove who sent the datagram. `encode` and `Datagram.init(decoding:)` are inverses.
package struct Header: Hashable, Sendable {
    package var to: UInt64
    package var from: UInt64
    package var counter: UInt64
    package var fields: OpenFields

    package init(_ fields: OpenFields, to: UInt64, from: UInt64, counter: UInt64) {
        self.fields = fields
        self.to = to
        self.from = from
        self.counter = counter
    }

    package var kind: Kind { fields.kind }

    /// Returns the bytes before the sealed part of a datagram of `size` bytes. The array has the capacity for the whole
    /// datagram.
    package func encode(size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        // One append for the whole header checks the capacity once, and not once for each field.
        bytes.append(addingCapacity: Self.size) { bytes in
            bytes.append(ProtocolConstants.version)
            bytes.append(kind.rawValue)
            bytes.append(bigEndian: UInt16(clamping: size))
            bytes.append(bigEndian: to)
            bytes.append(bigEndian: from)
            bytes.append(bigEndian: counter)
        }
        fields.appendDelivery(to: &bytes)
        fields.appendClear(to: &bytes)
        return bytes
    }

    /// The number of bytes before the open fields.
    package static let size = 28
}
