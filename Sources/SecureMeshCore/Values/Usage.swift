/// The number of elements in a table or queue, and the limit of this number. A simulation checks after each step that
/// the limit is kept.
package struct Usage: Hashable, Sendable {
    package let name: String
    package let count: Int
    package let limit: Int

    package init(_ name: String, _ count: Int, limit: Int) {
        self.name = name
        self.count = count
        self.limit = limit
    }

    /// True if `count` is not above `limit`.
    package var isKept: Bool { count <= limit }
}
