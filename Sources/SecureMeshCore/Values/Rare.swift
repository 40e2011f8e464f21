/// Keeps a value that is rarely there in memory of its own.
///
/// So the type that has the value as a property stays small, and so does the code that copies and destroys that type.
@propertyWrapper
package struct Rare<Value: Sendable>: Sendable {
    /// The value; empty if there is none.
    private var values: [Value] = []

    package init(wrappedValue: Value?) {
        self.wrappedValue = wrappedValue
    }

    package var wrappedValue: Value? {
        get { values.last }
        _modify {
            // The value leaves the array, so that a change in place copies none of its tables.
            var value = values.popLast()
            defer { if let value { values.append(value) } }
            yield &value
        }
    }
}
