/// How large something that can grow is, and how large it may be: what a simulation looks at after each step.
package struct Usage: Hashable, Sendable {
    package let name: String
    package let count: Int
    package let limit: Int

    package init(_ name: String, _ count: Int, limit: Int) {
        self.name = name
        self.count = count
        self.limit = limit
    }

    package var isKept: Bool { count <= limit }
}
