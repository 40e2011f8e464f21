/// WELCOME: the session of a peer, and the intervals that the server sets.
package struct Welcome: Payload {
    package var session: SessionID
    /// The token that CONFIRM returns, to prove that its sender has opened WELCOME. It is independent of the tokens of
    /// PULSEs.
    package var token: UInt64
    /// The id of the directory whose versions the server counts; not 0.
    package var directory: UInt64
    package var heartbeatMilliseconds: UInt16
    package var lifetimeMilliseconds: UInt16
    package var trustSeconds: UInt16
    package var rekeySeconds: UInt16
    /// The source of the HELLO, as the server saw it.
    package var address: SocketAddress

    package init(
        session: SessionID, token: UInt64, directory: UInt64, parameters: Parameters, address: SocketAddress
    ) {
        self.session = session
        self.token = token
        self.directory = directory
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
        directory = try reader.uint64(span)
        heartbeatMilliseconds = try reader.uint16(span)
        lifetimeMilliseconds = try reader.uint16(span)
        trustSeconds = try reader.uint16(span)
        rekeySeconds = try reader.uint16(span)
        guard directory > 0, heartbeatMilliseconds > 0, lifetimeMilliseconds > heartbeatMilliseconds, trustSeconds > 0,
            rekeySeconds > 0
        else { throw .invalidParameters }
        address = try SocketAddress(&reader, span)
        try reader.finish(span)
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: session.rawValue)
        bytes.append(bigEndian: token)
        bytes.append(bigEndian: directory)
        bytes.append(bigEndian: heartbeatMilliseconds)
        bytes.append(bigEndian: lifetimeMilliseconds)
        bytes.append(bigEndian: trustSeconds)
        bytes.append(bigEndian: rekeySeconds)
        address.append(to: &bytes)
    }

    /// The intervals that a server sets for its peers.
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
