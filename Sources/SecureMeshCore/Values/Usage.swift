/// The size of a table or queue, and its limit. A simulation checks both after each step.
package struct Usage: Hashable, Sendable {
    package let name: String
    package let count: Int
    package let limit: Int

    package init(_ name: String, _ count: Int, limit: Int) {
        self.name = name
        self.count = count
        self.limit = limit
    }

    /// True if `count` is within `limit`.
    package var isKept: Bool { count <= limit }
}
