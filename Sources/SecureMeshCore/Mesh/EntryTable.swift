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
    private var places: [SharedEntry?] = []
    private(set) package var count = 0

    package init() {}

    /// Returns the entry with this value of the field, or nil.
    package subscript(key: Field.Key) -> SharedEntry? { index(of: key).flatMap { places[$0] } }

    /// Adds an entry, in place of one with the same value of the field.
    package mutating func insert(_ shared: SharedEntry) {
        if let index = index(of: Field.key(of: shared.entry)) {
            places[index] = shared
            return
        }
        if (count + 1) * 4 > places.count * 3 { resize(to: max(places.count * 2, 8)) }
        place(shared)
    }

    /// Removes the entry with this value of the field, if there is one.
    package mutating func remove(_ key: Field.Key) {
        guard var hole = index(of: key) else { return }
        places[hole] = nil
        count -= 1
        // Moves those that follow without a gap, unless that would put one before the place of its hash.
        var next = after(hole)
        while let shared = places[next] {
            let home = home(of: Field.key(of: shared.entry))
            if (next &- home) & mask >= (next &- hole) & mask {
                places[hole] = shared
                places[next] = nil
                hole = next
            }
            next = after(next)
        }
    }

    /// Removes the entries that nobody else holds.
    package mutating func removeUnshared() {
        for index in places.indices where places[index] != nil && isKnownUniquelyReferenced(&places[index]) {
            places[index] = nil
            count -= 1
        }
        resize(to: max(places.count, 8))
    }

    private var mask: Int { places.count - 1 }
    private func home(of key: Field.Key) -> Int { key.hashValue & mask }
    private func after(_ index: Int) -> Int { (index + 1) & mask }

    private func index(of key: Field.Key) -> Int? {
        guard !places.isEmpty else { return nil }
        var index = home(of: key)
        while let shared = places[index] {
            if Field.key(of: shared.entry) == key { return index }
            index = after(index)
        }
        return nil
    }

    private mutating func resize(to size: Int) {
        let old = places
        places = Array(repeating: nil, count: size)
        count = 0
        for case let shared? in old { place(shared) }
    }

    /// Puts an entry whose value is not in the table into the first free place.
    private mutating func place(_ shared: SharedEntry) {
        var index = home(of: Field.key(of: shared.entry))
        while places[index] != nil { index = after(index) }
        places[index] = shared
        count += 1
    }
}
