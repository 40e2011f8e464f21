/// The parts of a SNAPSHOT that have arrived so far.
///
/// The entries of each part are put into a directory as soon as the part arrives. So little work is left when the last
/// part has arrived.
struct SnapshotAssembly: Sendable {
    let version: UInt64
    let parts: UInt16
    /// The instant at which the first part arrived.
    let begunAt: Instant
    /// A directory of the entries that have arrived. If an entry cannot be added, that entry and all after it are left
    /// out.
    private(set) var directory: Directory
    /// The parts that have arrived, with their entries. Once an entry could not be added, further parts are stored
    /// without entries.
    private var received: [UInt16: [SharedEntry]] = [:]
    /// The number of the lowest part that has not arrived; `parts` if all have arrived.
    private var complete: UInt16 = 0
    /// True if an entry could not be added to the directory.
    private var isContradictory = false

    /// - Parameter empty: A directory without entries.
    init(version: UInt64, parts: UInt16, empty: Directory, begunAt: Instant) {
        self.version = version
        self.parts = parts
        self.begunAt = begunAt
        directory = empty
    }

    var count: Int { received.count }

    /// The number of the lowest part that is missing; nil if no part is missing.
    var missingPart: UInt16? { complete < parts ? complete : nil }

    /// The entries of all parts in order. All parts must have arrived. Nil if the sessions do not ascend, if two
    /// entries have the same session, identity, name or address, or if there are too many entries.
    var entries: [SharedEntry]? {
        guard !isContradictory else { return nil }
        let entries = (0..<parts).flatMap { received[$0] ?? [] }
        let ascend = zip(entries, entries.dropFirst()).allSatisfy { $0.entry.session < $1.entry.session }
        return ascend ? entries : nil
    }

    /// Adds a part. Returns false if the part does not belong to this SNAPSHOT, or was added before.
    ///
    /// - Parameter held: The directory that the peer holds. Entries that it lists are not stored a second time.
    mutating func insert(_ snapshot: Snapshot, held: Directory) -> Bool {
        guard snapshot.version == version, snapshot.parts == parts, received[snapshot.part] == nil else { return false }
        let entries = isContradictory ? [] : snapshot.entries.map { held.sharing($0) }
        received[snapshot.part] = entries
        while complete < parts, received[complete] != nil { complete += 1 }
        for entry in entries where !isContradictory { isContradictory = !directory.insertIfFree(entry) }
        return true
    }
}
