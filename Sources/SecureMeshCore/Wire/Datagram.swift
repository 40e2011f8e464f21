/// What stands before the ciphertext: the header, the delivery fields and the clear fields.
///
/// Says nothing of who sent it. `encode` and `Datagram.init(decoding:)` are each other's inverse.
package struct Header: Hashable, Sendable {
    package enum Delivery: Hashable, Sendable {
        case none
        /// HELLO and RETRY.
        case cookie(Bytes16)
        /// PULSE: the newest heartbeat number heard from its receiver.
        case echo(UInt64)
    }

    package enum Clear: Hashable, Sendable {
        case none
        /// HELLO's E_p, WELCOME's E_s.
        case agreementKey(AgreementPublicKey)
        /// REJECT.
        case salt(Bytes32)
        /// RETRY.
        case rotation(UInt64)
    }

    package var kind: Kind
    package var to: UInt64
    package var from: UInt64
    package var counter: UInt64
    package var delivery: Delivery
    package var clear: Clear

    package init(
        _ kind: Kind, to: UInt64, from: UInt64, counter: UInt64, delivery: Delivery = .none, clear: Clear = .none
    ) {
        self.kind = kind
        self.to = to
        self.from = from
        self.counter = counter
        self.delivery = delivery
        self.clear = clear
    }

    /// The bytes before the ciphertext, of a datagram of `size` bytes in all.
    package func encode(size: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        bytes.append(ProtocolConstants.version)
        bytes.append(kind.rawValue)
        bytes.append(bigEndian: UInt16(clamping: size))
        bytes.append(bigEndian: to)
        bytes.append(bigEndian: from)
        bytes.append(bigEndian: counter)
        switch delivery {
        case .none: break
        case .cookie(let cookie): cookie.append(to: &bytes)
        case .echo(let number): bytes.append(bigEndian: number)
        }
        clear.append(to: &bytes)
        return bytes
    }

    package static let size = 28
}

extension Header.Clear {
    package func append(to bytes: inout [UInt8]) {
        switch self {
        case .none: break
        case .agreementKey(let key): key.bytes.append(to: &bytes)
        case .salt(let salt): salt.append(to: &bytes)
        case .rotation(let rotation): bytes.append(bigEndian: rotation)
        }
    }
}

/// A datagram as received: a header that is right in every field, and where the sealed part begins.
///
/// Nothing in it is authentic yet. Holds no bytes of its own: they stay in the span it was decoded from.
package struct Datagram: Hashable, Sendable {
    package var header: Header
    package var size: Int

    /// Refuses whatever is not exactly a datagram of version 1, in this order: size of a header, version, kind,
    /// length, size of the kind, session ids, counter, clear fields.
    package init(decoding span: Span<UInt8>) throws(Rejection) {
        guard span.count >= Header.size else { throw .truncatedHeader }
        guard span[0] == ProtocolConstants.version else { throw .unsupportedVersion }
        guard let kind = Kind(rawValue: span[1]) else { throw .unknownKind }
        var reader = ByteReader(at: 2)
        guard Int(try reader.uint16(span)) == span.count else { throw .lengthMismatch }
        guard (kind.minimumSize...kind.maximumSize).contains(span.count) else { throw .sizeOutOfRange }
        let to = try reader.uint64(span)
        let from = try reader.uint64(span)
        guard Self.areValid(to: to, from: from, of: kind) else { throw .invalidSessionIDs }
        let counter = try reader.uint64(span)
        guard kind.isHandshake ? counter == 0 : (1..<ProtocolConstants.counterLimit).contains(counter) else {
            throw .counterOutOfRange
        }
        header = Header(kind, to: to, from: from, counter: counter)
        switch kind {
        case .hello:
            header.delivery = .cookie(try reader.bytes16(span))
            header.clear = .agreementKey(try reader.agreementKey(span))
        case .retry:
            header.delivery = .cookie(try reader.bytes16(span))
            header.clear = .rotation(try reader.uint64(span))
        case .welcome:
            header.clear = .agreementKey(try reader.agreementKey(span))
        case .reject:
            header.clear = .salt(try reader.bytes32(span))
        case .pulse:
            header.delivery = .echo(try reader.uint64(span))
        case .confirm, .heartbeat, .leave, .snapshot, .delta, .goodbye, .message:
            break
        }
        size = span.count
    }

    /// The sealed part; for RETRY the signature.
    package var sealed: Range<Int> { header.kind.sealedOffset..<size }

    private static func areValid(to: UInt64, from: UInt64, of kind: Kind) -> Bool {
        switch kind {
        case .hello: to == 0 && from == 0
        // `to` is the tag of a HELLO, any 64 bits.
        case .retry, .welcome, .reject: from != 0
        case .confirm, .heartbeat, .leave, .pulse, .snapshot, .delta, .goodbye, .message:
            to != 0 && from != 0 && to != from
        }
    }
}
