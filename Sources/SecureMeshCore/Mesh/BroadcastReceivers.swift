/// The receivers for which a broadcast is not sealed yet, in the order in which it is sealed for them.
///
/// Broadcasts share one array of the directory's entries as long as the directory stays the same, so no receiver has to
/// be looked up. The identities of the receivers replace the entries when a session ends, or when the next broadcast
/// finds a changed directory. So the entries of members that have left are not kept in memory, and a member that joins
/// again gets the broadcast in its new session.
package struct BroadcastReceivers: Sendable {
    private var entries: [SharedEntry]
    /// The identities of the receivers if `entries` is empty.
    private var identities: [PublicKey] = []
    /// The generation of the directory to which all of `entries` belong; nil if an entry may belong to the former
    /// directory.
    private let generation: UInt64?
    /// The index of the next receiver.
    private var next = 0

    /// - Parameter generation: The generation of the directory to which all entries belong; nil if an entry may belong
    ///   to the former directory.
    package init(_ entries: [SharedEntry], generation: UInt64?) {
        self.entries = entries
        self.generation = generation
    }

    init(_ identities: [PublicKey]) {
        entries = []
        generation = nil
        self.identities = identities
    }

    package var count: Int { max(entries.count, identities.count) - next }
    package var isEmpty: Bool { count == 0 }

    /// The entries of all receivers; empty if only their identities are kept.
    package var all: ArraySlice<SharedEntry> { entries.isEmpty ? [] : entries[next...] }

    /// True if an entry may belong to the former directory.
    var mayBeFormer: Bool { !entries.isEmpty && generation == nil }

    /// The identity of the next receiver. There must be one.
    var nextIdentity: PublicKey { entries.isEmpty ? identities[next] : entries[next].entry.identity }

    /// Returns the entry of the next receiver, of which there must be one. Returns nil if the receiver has to be looked
    /// up in the directory of this generation.
    func nextEntry(in generation: UInt64) -> SharedEntry? { belong(to: generation) ? entries[next] : nil }

    /// Returns true if all receivers are entries of the directory of this generation.
    func belong(to generation: UInt64) -> Bool { !entries.isEmpty && self.generation == generation }

    mutating func removeNext() { next += 1 }

    /// Removes the receiver with this identity, if there is one, and the entries of all receivers.
    mutating func remove(_ identity: PublicKey) {
        forgetEntries()
        if let index = identities[next...].firstIndex(of: identity) { identities.remove(at: index) }
    }

    func contains(_ identity: PublicKey) -> Bool {
        entries.isEmpty
            ? identities[next...].contains(identity) : entries[next...].contains { $0.entry.identity == identity }
    }

    /// Keeps the identities of the receivers instead of their entries.
    ///
    /// - Parameter other: The receivers of another broadcast, which has forgotten their entries. If both broadcasts had
    ///   the same array of entries, they share the array of identities too.
    mutating func forgetEntries(like other: BroadcastReceivers? = nil) {
        guard !entries.isEmpty else { return }
        if let other, let generation, other.generation == generation, other.identities.count == entries.count {
            identities = other.identities
        } else {
            identities = entries.map(\.entry.identity)
        }
        entries = []
    }
}
