/// The parts of a SNAPSHOT that have arrived so far.
struct SnapshotAssembly: Sendable {
    let version: UInt64
    let parts: UInt16
    private var received: [UInt16: [Entry]] = [:]
    /// The number of the lowest part that has not arrived.
    private var complete: UInt16 = 0

    init(version: UInt64, parts: UInt16) {
        self.version = version
        self.parts = parts
    }

    var count: Int { received.count }

    /// The number of the lowest part that is missing; nil if no part is missing.
    var missingPart: UInt16? { complete < parts ? complete : nil }

    /// The entries of all parts in order; nil while a part is missing.
    var entries: [Entry]? {
        guard received.count == Int(parts) else { return nil }
        return (0..<parts).flatMap { received[$0] ?? [] }
    }

    /// Adds a part. Returns false if the part does not belong to this SNAPSHOT, or was added before.
    mutating func insert(_ snapshot: Snapshot) -> Bool {
        guard snapshot.version == version, snapshot.parts == parts, received[snapshot.part] == nil else { return false }
        received[snapshot.part] = snapshot.entries
        while complete < parts, received[complete] != nil { complete += 1 }
        return true
    }
}
