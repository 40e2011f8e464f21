/// The changes that a DELTA or SNAPSHOT makes in a peer's directory, including the changes of early DELTAs that can be
/// applied after it.
package struct DirectoryChange: Sendable {
    /// The entries of sessions that are no longer listed.
    package var gone: [Entry] = []
    /// Entries of the former directory whose sessions have ended for good.
    package var ended: [Entry] = []
    package var events: [PeerEvent] = []
    /// The reason why an early DELTA was refused when its version was reached, or `directoryMismatch` if the digest of
    /// the changed directory is wrong; nil if neither is so.
    package var refusal: Rejection?
}
