/// The receivers for which a broadcast is not sealed yet, in the order in which it is sealed for them.
///
/// While the directory stays the same, broadcasts share one array of its entries, so no receiver has to be looked up.
/// When a session ends, only the identities are kept: the member may get the broadcast in its next session, and the
/// entries of members that have left must not stay in memory.
package struct BroadcastReceivers: Sendable {
    private var entries: [SharedEntry]
    /// The identities of the receivers if `entries` is empty.
    private var identities: [PublicKey] = []
    /// The generation of the directory that lists all of `entries`; nil if there is no such directory.
    private let generation: UInt64?
    /// The index of the next receiver.
    private var next = 0

    /// - Parameter generation: The generation of the directory that lists all entries; nil if the former directory
    ///   lists some of them.
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
    var all: ArraySlice<SharedEntry> { entries.isEmpty ? [] : entries[next...] }

    /// The identities of all receivers.
    package var allIdentities: [PublicKey] {
        entries.isEmpty ? Array(identities[next...]) : entries[next...].map(\.entry.identity)
    }

    /// The identity of the next receiver. There must be one.
    var nextIdentity: PublicKey { entries.isEmpty ? identities[next] : entries[next].entry.identity }

    /// Returns the entry of the next receiver if the directory of this generation lists it; nil if the receiver has to
    /// be looked up.
    func nextEntry(of generation: UInt64) -> SharedEntry? { isListed(in: generation) ? entries[next] : nil }

    /// Returns true if the directory of this generation lists all receivers.
    func isListed(in generation: UInt64) -> Bool { !entries.isEmpty && self.generation == generation }

    mutating func removeNext() { next += 1 }

    /// Removes the receiver with this identity. Does nothing if there is none.
    mutating func remove(_ identity: PublicKey) {
        forgetEntries()
        if let index = identities[next...].firstIndex(of: identity) { identities.remove(at: index) }
    }

    func contains(_ identity: PublicKey) -> Bool {
        entries.isEmpty
            ? identities[next...].contains(identity) : entries[next...].contains { $0.entry.identity == identity }
    }

    /// Keeps the identities of the receivers instead of their entries.
    mutating func forgetEntries() {
        guard !entries.isEmpty else { return }
        identities = allIdentities
        entries = []
        next = 0
    }
}
