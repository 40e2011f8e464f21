/// The changes that a DELTA or SNAPSHOT makes in a peer's directory. They include the changes of early DELTAs that can
/// be applied after this DELTA or SNAPSHOT.
package struct DirectoryChange: Sendable {
    /// The entries of the sessions that the directory no longer lists.
    package var gone: [Entry] = []
    /// The entries of the former directory whose sessions have ended for good.
    package var ended: [Entry] = []
    package var events: [PeerEvent] = []
    /// The reason why an early DELTA was refused when its version was reached, or `directoryMismatch` if the digest of
    /// the changed directory is wrong. Nil if nothing was refused and the digest is not wrong.
    package var refusal: Rejection?
}
