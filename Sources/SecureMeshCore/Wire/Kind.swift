/// The kinds of datagrams, and the sizes of the parts of each kind (PROTOCOL.md, section 4.3).
package enum Kind: UInt8, CaseIterable, Sendable {
    case hello = 0x01
    case retry = 0x02
    case welcome = 0x03
    case reject = 0x04
    case confirm = 0x05
    case resume = 0x06
    case heartbeat = 0x10
    case leave = 0x11
    case pulse = 0x20
    case snapshot = 0x21
    case delta = 0x22
    case goodbye = 0x23
    case message = 0x30
    case ack = 0x31

    /// The number of bytes of the delivery fields, which follow the header and which the signature does not cover.
    package var deliverySize: Int {
        switch self {
        case .hello, .retry: Bytes16.count
        case .pulse: 16
        case .welcome, .reject, .confirm, .resume, .heartbeat, .leave, .snapshot, .delta, .goodbye, .message, .ack: 0
        }
    }

    /// The number of bytes of the clear fields, which are signed but not encrypted.
    package var clearSize: Int {
        switch self {
        case .hello, .welcome, .reject, .resume: Bytes32.count
        case .retry: 8
        case .confirm, .heartbeat, .leave, .pulse, .snapshot, .delta, .goodbye, .message, .ack: 0
        }
    }

    /// The number of bytes of the payload. If the size of the payload is not fixed, it is the number of bytes of the
    /// smallest payload.
    package var payloadSize: Int {
        switch self {
        case .hello: 100
        case .retry: 0
        case .welcome: 51
        case .reject: 3
        case .resume: 32
        case .confirm, .heartbeat: 26
        case .leave: 8
        case .pulse: 49
        case .snapshot: 13
        case .delta: 18
        case .goodbye: 9
        case .message: 41
        case .ack: 48
        }
    }

    /// True if all datagrams of this kind have the same size.
    package var isFixedSize: Bool {
        switch self {
        case .snapshot, .delta, .message: false
        case .hello, .retry, .welcome, .reject, .confirm, .resume, .heartbeat, .leave, .pulse, .goodbye, .ack: true
        }
    }

    package var isSealed: Bool { self != .retry }

    /// True if each key of this kind seals one datagram only, so that the counter is 0.
    package var isHandshake: Bool { rawValue <= Kind.reject.rawValue || self == .resume }

    /// The offset of the sealed part, in bytes. In RETRY, which is not sealed, it is the offset of the signature.
    package var sealedOffset: Int { Header.size + deliverySize + clearSize }

    /// The number of bytes of the smallest datagram of this kind.
    package var minimumSize: Int {
        sealedOffset + payloadSize + Signature.count + (isSealed ? Self.tagSize : 0)
    }

    /// The number of bytes of the largest datagram of this kind.
    package var maximumSize: Int {
        if isFixedSize { return minimumSize }
        return self == .message ? ProtocolConstants.maximumUDPPayload : ProtocolConstants.maximumDatagram
    }

    /// The number of bytes of the AEAD's authentication tag.
    package static let tagSize = 16
}
