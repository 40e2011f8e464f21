/// A table of values that are found by their ids. The values are in one array without gaps, in no order.
///
/// A dictionary of large values needs more memory, because its free slots are as large as its values. And values in an
/// array can be changed in place.
package struct DenseTable<Value: Identifiable & Sendable>: Sendable where Value.ID: Sendable {
    /// All values. This module may change a value in place, but not its id.
    package internal(set) var values: [Value] = []
    /// The index of each id in `values`.
    private var indices: [Value.ID: Int] = [:]

    package init() {}

    package var count: Int { values.count }

    /// Returns the index in `values` of the value with this id; nil if there is none.
    package func index(of id: Value.ID) -> Int? { indices[id] }

    package func contains(_ id: Value.ID) -> Bool { indices[id] != nil }

    /// Adds a value, or replaces the value with the same id.
    package mutating func set(_ value: Value) {
        if let index = indices[value.id] {
            values[index] = value
        } else {
            indices[value.id] = values.count
            values.append(value)
        }
    }

    /// Calls `body` with the value that has this id. Does nothing if there is none. `body` must not change the id.
    package mutating func change(_ id: Value.ID, _ body: (inout Value) -> Void) {
        if let index = indices[id] { body(&values[index]) }
    }

    /// Removes the value with this id, and moves the last value to its place.
    ///
    /// - Returns: The removed value; nil if there is none.
    @discardableResult
    package mutating func remove(_ id: Value.ID) -> Value? {
        guard let index = indices.removeValue(forKey: id) else { return nil }
        values.swapAt(index, values.count - 1)
        let removed = values.removeLast()
        if index < values.count { indices[values[index].id] = index }
        return removed
    }
}
