/// A field of a directory entry that serves as the key in an ``EntryTable``.
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

/// A hash table of directory entries with linear probing. The key is one field of the entry.
///
/// Each slot takes 8 bytes. In a `Dictionary` each slot would take the size of a key and a value, which is 184 bytes if
/// the key is a session. Every peer has several such tables, each with all members.
package struct EntryTable<Field: EntryField>: Sendable {
    /// The slots of the table. Their number is 0 at first, and then a power of two. At most three quarters of them are
    /// in use.
    private var slots: [SharedEntry?] = []
    private(set) package var count = 0

    package init() {}

    /// The entry whose field has this value; nil if there is none.
    package subscript(key: Field.Key) -> SharedEntry? { index(of: key).flatMap { slots[$0] } }

    /// Makes room for `more` additional entries, so that their insertion does not resize the table.
    package mutating func reserve(_ more: Int) {
        var size = max(slots.count, 8)
        while (count + more) * 4 > size * 3 { size *= 2 }
        if size > slots.count { resize(to: size) }
    }

    /// Adds an entry. If the table has an entry whose field has the same value, the new entry replaces it.
    package mutating func insert(_ shared: SharedEntry) {
        if let index = index(of: Field.key(of: shared.entry)) {
            slots[index] = shared
            return
        }
        reserve(1)
        insertNew(shared)
    }

    /// Removes the entry whose field has this value, if there is one.
    package mutating func remove(_ key: Field.Key) {
        guard var hole = index(of: key) else { return }
        slots[hole] = nil
        count -= 1
        // Entries that follow without a gap move into the hole, except those that would land before their home slot.
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

    /// Puts an entry into the first free slot from its home slot on. The table must not have an entry whose field has
    /// the same value.
    private mutating func insertNew(_ shared: SharedEntry) {
        var index = home(of: Field.key(of: shared.entry))
        while slots[index] != nil { index = after(index) }
        slots[index] = shared
        count += 1
    }
}
