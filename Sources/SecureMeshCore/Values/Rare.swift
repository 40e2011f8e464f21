/// Stores an optional value on the heap. Use it for a property that is usually nil: the type that has the property
/// stays small, and so does the code that copies and destroys this type.
@propertyWrapper
package struct Rare<Value: Sendable>: Sendable {
    /// Contains the value; empty if the value is nil.
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
