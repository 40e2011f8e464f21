/// Cookies: proof that a HELLO's sender receives at its address, with no memory of it (PROTOCOL.md, RETRY).
///
/// A cookie is a keyed hash of the address. The secret turns every 30 s; the one before it is still honoured.
package struct CookieJar: Sendable {
    private var rotation: UInt64 = 1
    private var current: Secret32
    private var previous: Secret32?
    private var rotatedAt: Instant
    /// Signed when the first RETRY of a rotation is due.
    private var signed: SignedPayload?

    package init(now: Instant, random: inout RandomSource) {
        current = random.secret()
        rotatedAt = now
    }

    /// Whether this server gave `cookie` to `address` within this rotation or the one before.
    package mutating func isValid(
        _ cookie: Bytes16, for address: SocketAddress, now: Instant, random: inout RandomSource
    ) -> Bool {
        rotate(now, &random)
        if cookie == Self.cookie(current, address) { return true }
        guard let previous else { return false }
        return cookie == Self.cookie(previous, address)
    }

    /// RETRY for the HELLO of `tag`. Signs once a rotation.
    package mutating func retry(
        tag: UInt64, for address: SocketAddress, signer: Signer, now: Instant, random: inout RandomSource
    ) -> [UInt8] {
        rotate(now, &random)
        let payload =
            signed
            ?? SignedPayload(
                .retry, from: signer.from, clear: .rotation(rotation), payload: [], context: signer.context,
                key: signer.key)
        signed = payload
        return payload.unsealed(to: tag, delivery: .cookie(Self.cookie(current, address)))
    }

    private mutating func rotate(_ now: Instant, _ random: inout RandomSource) {
        let period = ProtocolConstants.cookieRotation
        let turns = (now - rotatedAt).wholeNanoseconds / period.wholeNanoseconds
        guard turns > 0 else { return }
        previous = turns == 1 ? current : nil
        current = random.secret()
        rotation &+= 1
        signed = nil
        // On the jar's own beat, not when it was next asked: a secret is honoured for two rotations and no longer.
        rotatedAt = rotatedAt + .nanoseconds(turns * period.wholeNanoseconds)
    }

    package static func cookie(_ secret: Secret32, _ address: SocketAddress) -> Bytes16 {
        let input = SecretInput()
        input.append(secret)
        input.append(address)
        var bytes: [UInt8] = []
        Sodium.derive(.cookie, input).append(to: &bytes)
        return Bytes16(bytes.span)
    }
}
