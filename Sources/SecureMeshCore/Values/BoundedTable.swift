/// A dictionary of at most `limit` keys. If it is full, a new key evicts the key that was inserted first.
package struct BoundedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var values: [Key: Value] = [:]
    private var order: [Key] = []
    private var oldest = 0
    private let limit: Int

    package init(limit: Int) {
        self.limit = limit
    }

    package var count: Int { values.count }

    package subscript(key: Key) -> Value? { values[key] }

    /// Sets the value of `key`. A key that is present keeps its place in the order of eviction.
    package mutating func set(_ value: Value, for key: Key) {
        guard values.updateValue(value, forKey: key) == nil else { return }
        guard order.count == limit else { return order.append(key) }
        values[order[oldest]] = nil
        order[oldest] = key
        oldest = (oldest + 1) % limit
    }

    /// Removes the value of `key`. A key that is removed and then inserted again may be evicted as early as if it had
    /// not been removed.
    package mutating func remove(_ key: Key) {
        values[key] = nil
    }
}
