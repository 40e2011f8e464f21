/// The comparison of a peer's directory with the digests in its server's PULSEs (PROTOCOL.md, section 6.5).
///
/// A directory from an earlier session is not proven to be that of this session's server. It extends no trust until a
/// digest proves it. A directory whose digest differs is wrong until a whole SNAPSHOT replaces it.
///
/// A malicious server can make a digest take time in proportion to the directory. So a proven directory that changes
/// with every PULSE is compared only once per `Limits.digestGap`.
struct DirectoryProof: Sendable {
    private struct Digest: Hashable, Sendable {
        let version: UInt64
        let digest: Bytes32
    }

    /// True if the directory came from the server of this session, or its digest was equal to the server's when the two
    /// were compared.
    private(set) var isProven = false
    /// True if the directory's digest differed from the server's, until a SNAPSHOT replaces the directory.
    private(set) var isWrong = false
    /// The digest in the newest fresh PULSE.
    private var expected: Digest?
    /// The last digest that was computed.
    private var computed: Digest?
    /// The instant before which no further digest of a proven directory is computed.
    private var waitsUntil: Instant?

    /// Begins a session, in which nothing is proven.
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

    /// Notes the digest in a fresh PULSE.
    mutating func expect(_ digest: Bytes32, of version: UInt64) {
        expected = Digest(version: version, digest: digest)
    }

    /// Returns true if a digest of the directory is to be computed, to compare it with the one in the newest fresh
    /// PULSE.
    func needsDigest(of version: UInt64, now: Instant) -> Bool {
        guard let expected, expected.version == version, version > 0, !isWrong, computed?.version != version else {
            return false
        }
        guard isProven, let waitsUntil else { return true }
        return now >= waitsUntil
    }

    /// Notes the digest of the directory.
    mutating func note(_ digest: Bytes32, of version: UInt64, now: Instant) {
        computed = Digest(version: version, digest: digest)
        waitsUntil = now + Limits.digestGap
    }

    /// Compares the directory with the newest digest, if both digests are of the version held.
    ///
    /// - Returns: False if the directory has been found wrong.
    mutating func compare(held version: UInt64) -> Bool {
        guard let expected, let computed, expected.version == version, computed.version == version, version > 0,
            !isWrong
        else { return true }
        isProven = computed == expected
        isWrong = !isProven
        return isProven
    }
}
