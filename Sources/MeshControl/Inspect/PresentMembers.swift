package import SecureMesh

/// The present members of a mesh, by their keys.
///
/// The members are in one array without gaps, because the free slots of a dictionary are as large as its values.
package struct PresentMembers: Sendable {
    package struct Presence: Sendable {
        package var member: Member
        package var since: Timestamp
        package var messages: UInt64 = 0
        package var roundTrip: Int64?
    }

    /// The members, in no order.
    private(set) package var all: [Presence] = []
    /// The index of each key in `all`.
    private var indices: [PublicKey: Int] = [:]

    package var count: Int { all.count }

    package func contains(_ key: PublicKey) -> Bool { indices[key] != nil }

    /// Adds a member, or replaces the member with the same key.
    mutating func set(_ presence: Presence) {
        let key = presence.member.publicKey
        if let index = indices[key] {
            all[index] = presence
        } else {
            indices[key] = all.count
            all.append(presence)
        }
    }

    /// Calls `body` with the member that has this key. Does nothing if there is none.
    mutating func change(_ key: PublicKey, _ body: (inout Presence) -> Void) {
        if let index = indices[key] { body(&all[index]) }
    }

    mutating func remove(_ key: PublicKey) {
        guard let index = indices.removeValue(forKey: key) else { return }
        all.swapAt(index, all.count - 1)
        all.removeLast()
        if index < all.count { indices[all[index].member.publicKey] = index }
    }
}
