/// A field of an entry by which a table finds it.
package protocol EntryField {
    associatedtype Key: Hashable

    static func key(of entry: Entry) -> Key
}

package enum EntryBySession: EntryField {
    package static func key(of entry: Entry) -> SessionID { entry.session }
}

package enum EntryByIdentity: EntryField {
    package static func key(of entry: Entry) -> PublicKey { entry.identity }
}

package enum EntryByName: EntryField {
    package static func key(of entry: Entry) -> PeerName { entry.name }
}

package enum EntryByAddress: EntryField {
    package static func key(of entry: Entry) -> SocketAddress { entry.address }
}

/// Entries by one of their fields, in a hash table with linear probing.
///
/// Each slot takes 8 bytes. In a `Dictionary` it would take the size of key and value, which is 184 bytes for sessions,
/// and every peer has such tables of all members.
package struct EntryTable<Field: EntryField>: Sendable {
    /// The slots of the table. Their number is a power of two, and at most three quarters are in use. Empty at first.
    private var slots: [SharedEntry?] = []
    private(set) package var count = 0

    package init() {}

    /// Returns the entry with this value of the field, or nil.
    package subscript(key: Field.Key) -> SharedEntry? { index(of: key).flatMap { slots[$0] } }

    /// Adds an entry, in place of one with the same value of the field.
    package mutating func insert(_ shared: SharedEntry) {
        if let index = index(of: Field.key(of: shared.entry)) {
            slots[index] = shared
            return
        }
        if (count + 1) * 4 > slots.count * 3 { resize(to: max(slots.count * 2, 8)) }
        insertNew(shared)
    }

    /// Removes the entry with this value of the field, if there is one.
    package mutating func remove(_ key: Field.Key) {
        guard var hole = index(of: key) else { return }
        slots[hole] = nil
        count -= 1
        // Entries that follow without a gap move into the hole, except one that would then be before its home slot.
        var next = after(hole)
        while let shared = slots[next] {
            let home = home(of: Field.key(of: shared.entry))
            if (next &- home) & mask >= (next &- hole) & mask {
                slots[hole] = shared
                slots[next] = nil
                hole = next
            }
            next = after(next)
        }
    }

    /// Removes the entries to which only this table refers.
    package mutating func removeUnshared() {
        for index in slots.indices where slots[index] != nil && isKnownUniquelyReferenced(&slots[index]) {
            slots[index] = nil
            count -= 1
        }
        resize(to: max(slots.count, 8))
    }

    private var mask: Int { slots.count - 1 }
    private func home(of key: Field.Key) -> Int { key.hashValue & mask }
    private func after(_ index: Int) -> Int { (index + 1) & mask }

    private func index(of key: Field.Key) -> Int? {
        guard !slots.isEmpty else { return nil }
        var index = home(of: key)
        while let shared = slots[index] {
            if Field.key(of: shared.entry) == key { return index }
            index = after(index)
        }
        return nil
    }

    private mutating func resize(to size: Int) {
        let old = slots
        slots = Array(repeating: nil, count: size)
        count = 0
        for case let shared? in old { insertNew(shared) }
    }

    /// Puts an entry whose value is not in the table into the first free slot.
    private mutating func insertNew(_ shared: SharedEntry) {
        var index = home(of: Field.key(of: shared.entry))
        while slots[index] != nil { index = after(index) }
        slots[index] = shared
        count += 1
    }
}
