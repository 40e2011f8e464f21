/// What a DELTA or SNAPSHOT, and the early DELTAs that could be applied after it, have changed in a peer's directory.
package struct DirectoryChange: Sendable {
    /// The entries of sessions that are no longer listed.
    package var gone: [Entry] = []
    package var events: [PeerEvent] = []
    /// Why an early DELTA was refused when its version was reached.
    package var refusal: Rejection?
}
