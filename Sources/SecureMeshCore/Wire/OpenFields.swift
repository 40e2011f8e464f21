/// The fields between the header and the sealed part (PROTOCOL.md, section 4.3). There is one case for each kind of
/// datagram.
///
/// The signature covers the clear fields (ephemeral key, rotation, salt). It does not cover the delivery fields
/// (cookie, echo, token), which may differ between the receivers of one signed payload.
package enum OpenFields: Hashable, Sendable {
    case hello(cookie: Bytes16, ephemeral: AgreementPublicKey)
    case retry(cookie: Bytes16, rotation: UInt64)
    case welcome(ephemeral: AgreementPublicKey)
    case reject(salt: Bytes32)
    case confirm
    case resume(ephemeral: AgreementPublicKey)
    case heartbeat
    case leave
    /// `echo` is the highest heartbeat number that the server has accepted from the receiver. `token` is the number
    /// that the receiver returns in its next HEARTBEAT, to prove that it received this PULSE.
    case pulse(echo: UInt64, token: UInt64)
    case snapshot
    case delta
    case goodbye
    case message
    case ack

    /// Reads the fields of `kind`.
    ///
    /// - Throws: `nonCanonicalAgreementKey` if an ephemeral key is not canonical. The caller has checked the size.
    package init(_ kind: Kind, _ reader: inout ByteReader, _ span: Span<UInt8>) throws(Rejection) {
        switch kind {
        case .hello: self = .hello(cookie: try reader.bytes16(span), ephemeral: try reader.agreementKey(span))
        case .retry: self = .retry(cookie: try reader.bytes16(span), rotation: try reader.uint64(span))
        case .welcome: self = .welcome(ephemeral: try reader.agreementKey(span))
        case .reject: self = .reject(salt: try reader.bytes32(span))
        case .confirm: self = .confirm
        case .resume: self = .resume(ephemeral: try reader.agreementKey(span))
        case .heartbeat: self = .heartbeat
        case .leave: self = .leave
        case .pulse: self = .pulse(echo: try reader.uint64(span), token: try reader.uint64(span))
        case .snapshot: self = .snapshot
        case .delta: self = .delta
        case .goodbye: self = .goodbye
        case .message: self = .message
        case .ack: self = .ack
        }
    }

    package var kind: Kind {
        switch self {
        case .hello: .hello
        case .retry: .retry
        case .welcome: .welcome
        case .reject: .reject
        case .confirm: .confirm
        case .resume: .resume
        case .heartbeat: .heartbeat
        case .leave: .leave
        case .pulse: .pulse
        case .snapshot: .snapshot
        case .delta: .delta
        case .goodbye: .goodbye
        case .message: .message
        case .ack: .ack
        }
    }

    /// Appends the fields that the signature does not cover.
    package func appendDelivery(to bytes: inout [UInt8]) {
        switch self {
        case .hello(let cookie, _), .retry(let cookie, _): cookie.append(to: &bytes)
        case .pulse(let echo, let token):
            bytes.append(bigEndian: echo)
            bytes.append(bigEndian: token)
        case .welcome, .reject, .confirm, .resume, .heartbeat, .leave, .snapshot, .delta, .goodbye, .message, .ack:
            break
        }
    }

    /// Appends the fields that the signature covers.
    package func appendClear(to bytes: inout [UInt8]) {
        switch self {
        case .hello(_, let key), .welcome(let key), .resume(let key): key.bytes.append(to: &bytes)
        case .retry(_, let rotation): bytes.append(bigEndian: rotation)
        case .reject(let salt): salt.append(to: &bytes)
        case .confirm, .heartbeat, .leave, .pulse, .snapshot, .delta, .goodbye, .message, .ack: break
        }
    }
}
