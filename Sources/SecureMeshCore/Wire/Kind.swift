/// The twelve kinds of datagram and what their layout fixes (PROTOCOL.md, section 4).
package enum Kind: UInt8, CaseIterable, Sendable {
    case hello = 0x01
    case retry = 0x02
    case welcome = 0x03
    case reject = 0x04
    case confirm = 0x05
    case heartbeat = 0x10
    case leave = 0x11
    case pulse = 0x20
    case snapshot = 0x21
    case delta = 0x22
    case goodbye = 0x23
    case message = 0x30

    /// Bytes between the header and the clear part, which the signature does not cover.
    package var deliverySize: Int {
        switch self {
        case .hello, .retry: Bytes16.count
        case .pulse: 8
        case .welcome, .reject, .confirm, .heartbeat, .leave, .snapshot, .delta, .goodbye, .message: 0
        }
    }

    /// Bytes that are signed but not encrypted.
    package var clearSize: Int {
        switch self {
        case .hello, .welcome, .reject: Bytes32.count
        case .retry: 8
        case .confirm, .heartbeat, .leave, .pulse, .snapshot, .delta, .goodbye, .message: 0
        }
    }

    /// The smallest payload, and all of it where `isFixedSize`.
    package var payloadSize: Int {
        switch self {
        case .hello: 100
        case .retry: 0
        case .welcome: 43
        case .reject: 3
        case .confirm, .heartbeat: 26
        case .leave: 8
        case .pulse: 24
        case .snapshot: 13
        case .delta: 18
        case .goodbye: 9
        case .message: 40
        }
    }

    package var isFixedSize: Bool {
        switch self {
        case .snapshot, .delta, .message: false
        case .hello, .retry, .welcome, .reject, .confirm, .heartbeat, .leave, .pulse, .goodbye: true
        }
    }

    package var isSealed: Bool { self != .retry }

    /// Kinds before there is a session: the counter is 0.
    package var isHandshake: Bool { rawValue <= Kind.reject.rawValue }

    /// Where the ciphertext (for RETRY: the signature) begins.
    package var sealedOffset: Int { Header.size + deliverySize + clearSize }

    package var minimumSize: Int {
        sealedOffset + payloadSize + Signature.count + (isSealed ? Self.tagSize : 0)
    }

    package var maximumSize: Int {
        if isFixedSize { return minimumSize }
        return self == .message ? ProtocolConstants.maximumUDPPayload : ProtocolConstants.maximumDatagram
    }

    /// The AEAD's authentication tag.
    package static let tagSize = 16
}
