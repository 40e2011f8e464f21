/// The payloads of PROTOCOL.md, section 4, one type a kind (RETRY has none). What a payload says is authentic only
/// inside a `Verified`.
package protocol Payload: Hashable, Sendable {
    /// Decodes the whole of `span`, or refuses it.
    init(decoding span: Span<UInt8>) throws(Rejection)
    func append(to bytes: inout [UInt8])
}

extension Payload {
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }
}

/// A payload with a number that rises through a session.
package protocol NumberedPayload: Payload {
    var number: UInt64 { get }
}

/// HELLO: who wants to join, under which name.
package struct Hello: Payload {
    package var identity: PublicKey
    package var name: PeerName

    package init(identity: PublicKey, name: PeerName) {
        self.identity = identity
        self.name = name
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        identity = PublicKey(bytes: try reader.bytes32(span))
        name = try PeerName(padded: &reader, span)
        try reader.zeros(Self.padding, span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        identity.bytes.append(to: &bytes)
        name.appendPadded(to: &bytes)
        bytes.append(zeros: Self.padding)
    }

    /// Makes HELLO larger than any answer to it.
    private static let padding = 35
}

/// WELCOME: the session, and what the server expects of it.
package struct Welcome: Payload {
    package var session: SessionID
    /// Proves in CONFIRM that WELCOME was opened. Not a PULSE's token.
    package var token: UInt64
    package var heartbeatMilliseconds: UInt16
    package var lifetimeMilliseconds: UInt16
    package var trustSeconds: UInt16
    package var rekeySeconds: UInt16
    /// Where the server saw the HELLO come from.
    package var address: SocketAddress

    package init(session: SessionID, token: UInt64, parameters: Parameters, address: SocketAddress) {
        self.session = session
        self.token = token
        heartbeatMilliseconds = parameters.heartbeatMilliseconds
        lifetimeMilliseconds = parameters.lifetimeMilliseconds
        trustSeconds = parameters.trustSeconds
        rekeySeconds = parameters.rekeySeconds
        self.address = address
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        session = try reader.sessionID(span)
        token = try reader.uint64(span)
        heartbeatMilliseconds = try reader.uint16(span)
        lifetimeMilliseconds = try reader.uint16(span)
        trustSeconds = try reader.uint16(span)
        rekeySeconds = try reader.uint16(span)
        guard heartbeatMilliseconds > 0, lifetimeMilliseconds > heartbeatMilliseconds, trustSeconds > 0,
            rekeySeconds > 0
        else { throw .invalidParameters }
        address = try SocketAddress(&reader, span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: session.rawValue)
        bytes.append(bigEndian: token)
        bytes.append(bigEndian: heartbeatMilliseconds)
        bytes.append(bigEndian: lifetimeMilliseconds)
        bytes.append(bigEndian: trustSeconds)
        bytes.append(bigEndian: rekeySeconds)
        address.append(to: &bytes)
    }

    /// The intervals that a server tells its peers.
    package struct Parameters: Hashable, Sendable {
        package var heartbeatMilliseconds: UInt16
        package var lifetimeMilliseconds: UInt16
        package var trustSeconds: UInt16
        package var rekeySeconds: UInt16

        package init(heartbeat: Duration, lifetime: Duration, trust: Duration, rekey: Duration) {
            heartbeatMilliseconds = UInt16(clamping: heartbeat.wholeNanoseconds / 1_000_000)
            lifetimeMilliseconds = UInt16(clamping: lifetime.wholeNanoseconds / 1_000_000)
            trustSeconds = UInt16(clamping: trust.wholeNanoseconds / 1_000_000_000)
            rekeySeconds = UInt16(clamping: rekey.wholeNanoseconds / 1_000_000_000)
        }
    }
}

/// REJECT: why a correctly signed HELLO may not join, and when to ask again.
package struct Reject: Payload {
    package enum Reason: UInt8, CaseIterable, Sendable {
        case notAuthorised = 1
        case nameTaken = 2
        case addressTaken = 3
        case full = 4
        case busy = 5
    }

    package var reason: Reason
    /// 0 for `notAuthorised`, which is final.
    package var retrySeconds: UInt16

    package init(reason: Reason, retrySeconds: UInt16) {
        self.reason = reason
        self.retrySeconds = retrySeconds
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        guard let reason = Reason(rawValue: try reader.uint8(span)) else { throw .unknownReason }
        self.reason = reason
        retrySeconds = try reader.uint16(span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(reason.rawValue)
        bytes.append(bigEndian: retrySeconds)
    }
}

/// HEARTBEAT, and CONFIRM, which has the same fields.
package struct Heartbeat: NumberedPayload {
    package var number: UInt64
    package var token: UInt64
    /// The directory version held; 0: none.
    package var version: UInt64
    /// The lowest missing part of a snapshot; 0 when none is wanted.
    package var part: UInt16

    package init(number: UInt64, token: UInt64, version: UInt64, part: UInt16) {
        self.number = number
        self.token = token
        self.version = version
        self.part = part
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        number = try reader.uint64(span)
        token = try reader.uint64(span)
        version = try reader.uint64(span)
        part = try reader.uint16(span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: number)
        bytes.append(bigEndian: token)
        bytes.append(bigEndian: version)
        bytes.append(bigEndian: part)
    }
}

/// LEAVE: the session ends now.
package struct Leave: NumberedPayload {
    package var number: UInt64

    package init(number: UInt64) {
        self.number = number
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        number = try reader.uint64(span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: number)
    }
}

/// PULSE: the server is alive, and this is its directory's version.
package struct Pulse: NumberedPayload {
    package var number: UInt64
    package var token: UInt64
    package var version: UInt64

    package init(number: UInt64, token: UInt64, version: UInt64) {
        self.number = number
        self.token = token
        self.version = version
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        number = try reader.uint64(span)
        token = try reader.uint64(span)
        version = try reader.uint64(span)
        guard version > 0 else { throw .versionOutOfRange }
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: number)
        bytes.append(bigEndian: token)
        bytes.append(bigEndian: version)
    }
}

/// GOODBYE: the server has ended this session.
package struct Goodbye: Payload {
    package enum Reason: UInt8, CaseIterable, Sendable {
        case replaced = 1
        case expired = 2
        case revoked = 3
        case misbehaved = 4
        case tooOld = 5
        case stopping = 6
    }

    package var session: SessionID
    package var reason: Reason

    package init(session: SessionID, reason: Reason) {
        self.session = session
        self.reason = reason
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        session = try reader.sessionID(span)
        guard let reason = Reason(rawValue: try reader.uint8(span)) else { throw .unknownReason }
        self.reason = reason
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: session.rawValue)
        bytes.append(reason.rawValue)
    }
}

/// MESSAGE: what one peer says to another, or to all.
package struct PeerMessage: Payload {
    /// The receiver's identity; nil, on the wire 32 zeros: all members.
    package var audience: PublicKey?
    package var number: UInt64
    package var body: [UInt8]

    package init(audience: PublicKey?, number: UInt64, body: [UInt8]) {
        self.audience = audience
        self.number = number
        self.body = body
    }

    package init(decoding span: Span<UInt8>) throws(Rejection) {
        var reader = ByteReader()
        let audience = try reader.bytes32(span)
        self.audience = audience == .zero ? nil : PublicKey(bytes: audience)
        number = try reader.uint64(span)
        body = []
        body.reserveCapacity(span.count - reader.offset)
        for index in reader.offset..<span.count { body.append(span[index]) }
    }

    package func append(to bytes: inout [UInt8]) {
        (audience?.bytes ?? .zero).append(to: &bytes)
        bytes.append(bigEndian: number)
        bytes.append(contentsOf: body)
    }

    /// Bytes of body that fit in a datagram of `ProtocolConstants.maximumDatagram`.
    package static let ordinaryBody = ProtocolConstants.maximumDatagram - Kind.message.minimumSize
    package static let largestBody = ProtocolConstants.maximumUDPPayload - Kind.message.minimumSize
}
