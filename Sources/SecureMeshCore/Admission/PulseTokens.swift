/// The secrets from which the tokens in recent PULSEs were made (PROTOCOL.md, section 6.1).
///
/// Each receiver of a PULSE gets its own token, which no other member can compute. A heartbeat proves life only if it
/// returns its sender's token from a recent PULSE. A token shared by all receivers would prove only that some member
/// receives PULSEs, because that member could pass it on.
package struct PulseTokens: Sendable {
    private struct Issued: Sendable {
        /// The number of secrets that were issued before this one.
        let number: Int
        let secret: Secret32
        let version: UInt64
        let at: Instant
    }

    /// The secrets that were issued within the last token lifetime, oldest first. There is always at least one.
    private var recent: [Issued]

    /// - Parameter secret: The secret for the tokens in PULSEs before the first periodic PULSE.
    package init(secret: Secret32, now: Instant) {
        recent = [Issued(number: 0, secret: secret, version: 1, at: now)]
    }

    package var usage: Usage { Usage("pulse secrets", recent.count, limit: Limits.pulseSecrets) }

    /// The time at which the newest secret was issued.
    package var newestAt: Instant { recent.last?.at ?? Instant(nanoseconds: .min) }

    /// Makes `secret` the newest secret, and drops the secrets that are older than `lifetime`.
    ///
    /// - Parameter version: The version of the directory in the PULSE to all members that carries tokens made from
    ///   `secret`.
    package mutating func issue(_ secret: Secret32, version: UInt64, now: Instant, lifetime: Duration) {
        let number = (recent.last?.number ?? 0) + 1
        recent.removeAll { now - $0.at > lifetime }
        if recent.count == Limits.pulseSecrets { recent.removeFirst() }
        recent.append(Issued(number: number, secret: secret, version: version, at: now))
    }

    /// Returns the token of the newest secret for the receiver with `session`.
    ///
    /// - Parameter last: The token in the last PULSE to this receiver. It is returned if it is of the newest secret.
    package func newest(for session: SessionID, last: PulseToken) -> PulseToken {
        guard let newest = recent.last, newest.number != last.number else { return last }
        return PulseToken(value: Self.token(newest.secret, for: session), number: newest.number)
    }

    /// Finds the secret that makes `token` for `session`, and returns the PULSE to all members that was sent with this
    /// secret. Returns nil if no recent secret makes this token.
    ///
    /// - Parameter last: The token in the last PULSE to this member. A heartbeat usually returns it, and then no token
    ///   is computed.
    package func match(_ token: UInt64, of session: SessionID, last: PulseToken) -> HeardPulse? {
        if token == last.value, let first = recent.first, recent.indices.contains(last.number - first.number) {
            return heard(last.number - first.number)
        }
        // The search begins with the newest secret, because most heartbeats return a token of one of the newest.
        let index = recent.indices.last { index in
            recent[index].number != last.number && Self.token(recent[index].secret, for: session) == token
        }
        return index.map(heard)
    }

    private func heard(_ index: Int) -> HeardPulse {
        HeardPulse(age: recent.count - 1 - index, version: recent[index].version, at: recent[index].at)
    }

    /// Returns true if a token proves life: its secret was issued at `instant`, and at most `lifetime` has passed since
    /// then. Returns false if `instant` is nil.
    package static func isFresh(issuedAt instant: Instant?, now: Instant, lifetime: Duration) -> Bool {
        instant.map { now - $0 <= lifetime } ?? false
    }

    /// Returns the token for a session: the first 8 bytes of KDF("token", secret ‖ session).
    package static func token(_ secret: Secret32, for session: SessionID) -> UInt64 {
        Sodium.derive(.token, secret, session.rawValue)
    }
}

/// The token in a PULSE to one member.
package struct PulseToken: Sendable {
    package let value: UInt64
    /// The number of secrets that the server had issued before the secret of this token; -1 if there is no token.
    fileprivate let number: Int

    fileprivate init(value: UInt64, number: Int) {
        (self.value, self.number) = (value, number)
    }

    /// No token.
    package static let none = PulseToken(value: 0, number: -1)
}
