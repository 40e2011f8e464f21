/// The secrets from which the tokens in recent PULSEs were made (PROTOCOL.md, section 6.1).
///
/// Each receiver of a PULSE gets its own token, which no other member can compute. A heartbeat proves life only if it
/// returns its sender's token from a recent PULSE. A token shared by all receivers would prove only that some member
/// receives PULSEs, because that member could pass it on.
package struct PulseTokens: Sendable {
    private struct Issued: Sendable {
        let secret: Secret32
        let version: UInt64
        let at: Instant
    }

    /// The secrets that were issued within the last token lifetime, oldest first. There is always at least one.
    private var recent: [Issued]

    /// - Parameter secret: The secret for the tokens in PULSEs before the first periodic PULSE.
    package init(secret: Secret32, now: Instant) {
        recent = [Issued(secret: secret, version: 1, at: now)]
    }

    package var usage: Usage { Usage("pulse secrets", recent.count, limit: Limits.pulseSecrets) }

    /// The time at which the newest secret was issued.
    package var newestAt: Instant { recent.last?.at ?? Instant(nanoseconds: .min) }

    /// Makes `secret` the newest secret, and drops the secrets that are older than `lifetime`.
    ///
    /// - Parameter version: The version of the directory in the PULSE to all members that carries tokens made from
    ///   `secret`.
    package mutating func issue(_ secret: Secret32, version: UInt64, now: Instant, lifetime: Duration) {
        recent.removeAll { now - $0.at > lifetime }
        if recent.count == Limits.pulseSecrets { recent.removeFirst() }
        recent.append(Issued(secret: secret, version: version, at: now))
    }

    /// Returns the token of the newest secret for the receiver with `session`.
    package func newest(for session: SessionID) -> UInt64 {
        recent.last.map { Self.token($0.secret, for: session) } ?? 0
    }

    /// Finds the secret that makes `token` for `session`, and returns the PULSE to all members that was sent with this
    /// secret. Returns nil if no recent secret makes this token.
    package func match(_ token: UInt64, of session: SessionID) -> HeardPulse? {
        // The search begins with the newest secret, because a heartbeat usually returns a token of one of the newest.
        var index = recent.count - 1
        while index >= 0 {
            if Self.token(recent[index].secret, for: session) == token {
                return HeardPulse(
                    age: recent.count - 1 - index, version: recent[index].version, at: recent[index].at)
            }
            index -= 1
        }
        return nil
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
