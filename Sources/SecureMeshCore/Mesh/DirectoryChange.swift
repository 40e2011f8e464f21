/// The changes that a DELTA or SNAPSHOT makes in a peer's directory.
///
/// An early DELTA is one that arrived before a DELTA on which it depends. If early DELTAs can be applied after this
/// DELTA or SNAPSHOT, the changes that they make are included.
package struct DirectoryChange: Sendable {
    /// The entries of the sessions that the directory no longer lists.
    package var gone: [SharedEntry] = []
    /// The entries of former members (PROTOCOL.md, section 6.5) whose sessions have ended for good.
    package var ended: [Entry] = []
    package var events: [PeerEvent] = []
    /// The reason why an early DELTA was refused when it was to be applied, or `directoryMismatch` if the digest of the
    /// changed directory is wrong; nil if there is neither.
    package var refusal: Rejection?
}
