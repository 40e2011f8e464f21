/// The comparison of a peer's directory with the digests in its server's PULSEs (PROTOCOL.md, section 6.5).
///
/// A directory from an earlier session is not proven to be that of this session's server. It extends no trust until a
/// digest proves it. A directory whose digest differs is wrong until a whole SNAPSHOT replaces it.
///
/// A digest takes time in proportion to the directory. So a proven directory that changes with every PULSE is compared
/// only once in a while.
struct DirectoryProof: Sendable {
    private struct Digest: Hashable, Sendable {
        let version: UInt64
        let digest: Bytes32
    }

    /// True if the directory came from the server of this session, or had the same digest when they were compared.
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

    /// Compares the directory with the newest digest, if that is of the version held.
    ///
    /// - Parameters:
    ///   - members: The number of members in the directory.
    ///   - digest: Computes the directory's digest. It is called once per version.
    /// - Returns: False if the directory has been found wrong.
    mutating func compare(held version: UInt64, members: Int, now: Instant, digest: () -> Bytes32) -> Bool {
        guard let expected, expected.version == version, version > 0, !isWrong else { return true }
        let own: Digest
        if let computed, computed.version == version {
            own = computed
        } else {
            if isProven, let waitsUntil, now < waitsUntil { return true }
            own = Digest(version: version, digest: digest())
            computed = own
            waitsUntil = now + max(Limits.digestGap, Limits.memberDigestGap * members)
        }
        isProven = own == expected
        isWrong = !isProven
        return isProven
    }
}
