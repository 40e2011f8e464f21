/// The cookies by which the sender of a HELLO proves that it receives datagrams at its source address (PROTOCOL.md,
/// section 5.5).
///
/// A cookie is a keyed hash of the address, so the server stores no cookies. The key of the hash is a secret that is
/// rotated every 30 s. Cookies made with the previous secret are valid too.
package struct CookieJar: Sendable {
    private var rotation: UInt64 = 1
    private var current: Secret32
    private var previous: Secret32?
    private var rotatedAt: Instant
    /// The signed payload of RETRY; nil if no RETRY has been sent since the last rotation of the secret. All receivers
    /// get the same signature, because it does not cover the cookie.
    private var signed: SignedPayload?

    package init(now: Instant, random: inout RandomSource) {
        current = random.secret()
        rotatedAt = now
    }

    /// Returns true if this server made `cookie` for `address` with the current secret or the previous one.
    package mutating func isValid(
        _ cookie: Bytes16, for address: SocketAddress, now: Instant, random: inout RandomSource
    ) -> Bool {
        rotate(now, &random)
        if cookie == Self.cookie(current, address) { return true }
        guard let previous else { return false }
        return cookie == Self.cookie(previous, address)
    }

    /// Returns the RETRY that answers the HELLO with `tag`. Signs only the first RETRY after each rotation of the
    /// secret.
    package mutating func retry(
        tag: UInt64, for address: SocketAddress, signer: Signer, now: Instant, random: inout RandomSource
    ) -> [UInt8] {
        rotate(now, &random)
        let payload =
            signed
            ?? SignedPayload(
                .retry(cookie: .zero, rotation: rotation), from: signer.from, payload: [], context: signer.context,
                key: signer.key)
        signed = payload
        return payload.unsealed(to: tag, as: .retry(cookie: Self.cookie(current, address), rotation: rotation))
    }

    private mutating func rotate(_ now: Instant, _ random: inout RandomSource) {
        let period = ProtocolConstants.cookieRotation
        let periods = (now - rotatedAt).wholeNanoseconds / period.wholeNanoseconds
        guard periods > 0 else { return }
        previous = periods == 1 ? current : nil
        current = random.secret()
        rotation &+= 1
        signed = nil
        // `rotatedAt` advances by whole periods and does not become `now`, so that a secret is valid for at most two
        // periods.
        rotatedAt = rotatedAt + .nanoseconds(periods * period.wholeNanoseconds)
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
