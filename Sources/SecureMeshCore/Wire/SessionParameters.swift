/// The intervals that a server sets for a session, in WELCOME and in RESUME (PROTOCOL.md, section 4.3).
package struct SessionParameters: Hashable, Sendable {
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

    package init(_ reader: inout ByteReader, _ span: Span<UInt8>) throws(Rejection) {
        heartbeatMilliseconds = try reader.uint16(span)
        lifetimeMilliseconds = try reader.uint16(span)
        trustSeconds = try reader.uint16(span)
        rekeySeconds = try reader.uint16(span)
    }

    /// True if no interval is 0, and the lifetime is longer than the heartbeat interval.
    var areValid: Bool {
        heartbeatMilliseconds > 0 && lifetimeMilliseconds > heartbeatMilliseconds && trustSeconds > 0
            && rekeySeconds > 0
    }

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: heartbeatMilliseconds)
        bytes.append(bigEndian: lifetimeMilliseconds)
        bytes.append(bigEndian: trustSeconds)
        bytes.append(bigEndian: rekeySeconds)
    }
}
