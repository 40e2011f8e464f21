/// The comparison of a peer's directory with the digests in its server's PULSEs (PROTOCOL.md, section 6.5).
///
/// A peer that joins again may keep the directory of its earlier session. In the new session, this directory is
/// *proven* once its digest equals the digest in a PULSE. Only then does the peer extend the time for which it trusts
/// the directory. If the digests differ, the directory is wrong until a whole SNAPSHOT replaces it. `DirectoryReplica`
/// finds other reasons why a directory is wrong.
///
/// The time to compute a digest grows with the size of the directory. To limit the work that a malicious server can
/// cause, the peer computes the digest of a proven directory at most once per `Limits.digestGap`.
struct DirectoryProof: Sendable {
    private struct Digest: Hashable, Sendable {
        let version: UInt64
        let digest: Bytes32
    }

    /// True if the server of this session sent the directory, or if the newest comparison in this session found equal
    /// digests.
    private(set) var isProven = false
    /// True if the directory was found wrong, and no SNAPSHOT has replaced it since.
    private(set) var isWrong = false
    /// The digest in the newest fresh PULSE.
    private var expected: Digest?
    /// The newest digest that was computed from the directory.
    private var computed: Digest?
    /// The instant before which no digest of a proven directory is computed; nil if a digest may be computed at any
    /// time.
    private var waitsUntil: Instant?

    /// Begins a session, in which the directory is not proven at first.
    mutating func begin() {
        isProven = false
        expected = nil
    }

    /// Notes that a SNAPSHOT of this session has replaced the directory.
    mutating func replaced() {
        isProven = true
        isWrong = false
        computed = nil
        waitsUntil = nil
    }

    /// Notes that the directory is wrong.
    mutating func foundWrong() {
        isProven = false
        isWrong = true
    }

    /// Notes the digest in a fresh PULSE.
    mutating func expect(_ digest: Bytes32, of version: UInt64) {
        expected = Digest(version: version, digest: digest)
    }

    /// Returns true if the digest of the directory at `version` is to be computed, so that it can be compared with the
    /// digest in the newest fresh PULSE.
    func needsDigest(of version: UInt64, now: Instant) -> Bool {
        guard let expected, expected.version == version, version > 0, !isWrong, computed?.version != version else {
            return false
        }
        guard isProven, let waitsUntil else { return true }
        return now >= waitsUntil
    }

    /// Stores a digest that was computed from the directory at `version`.
    mutating func note(_ digest: Bytes32, of version: UInt64, now: Instant) {
        computed = Digest(version: version, digest: digest)
        waitsUntil = now + Limits.digestGap
    }

    /// Compares the computed digest with the digest in the newest fresh PULSE, if both are of version `held`.
    ///
    /// - Returns: False if this comparison found that the directory is wrong; otherwise true.
    mutating func compare(held version: UInt64) -> Bool {
        guard let expected, let computed, expected.version == version, computed.version == version, version > 0,
            !isWrong
        else { return true }
        isProven = computed == expected
        isWrong = !isProven
        return isProven
    }
}
