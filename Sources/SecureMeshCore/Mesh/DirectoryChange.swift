/// The changes that a DELTA or SNAPSHOT makes in a peer's directory, with those of the early DELTAs that then apply.
package struct DirectoryChange: Sendable {
    /// The entries of sessions that are no longer listed.
    package var gone: [Entry] = []
    /// Entries of the former directory whose sessions have ended for good.
    package var ended: [Entry] = []
    package var events: [PeerEvent] = []
    /// The reason why an early DELTA was refused when its version was reached.
    package var refusal: Rejection?
}
