/// Stores an optional value on the heap. Use it for a property that is usually nil: the type that has the property
/// stays small, and so does the code that copies and destroys this type.
@propertyWrapper
package struct Rare<Value: Sendable>: Sendable {
    /// Contains the value; empty if the value is nil.
    private var values: [Value] = []

    package init(wrappedValue: Value?) {
        self.wrappedValue = wrappedValue
    }

    package var isNil: Bool { values.isEmpty }

    /// Returns the result of `read` for the value; nil if the value is nil.
    ///
    /// `wrappedValue` copies the value, which is large, even if only one of its properties is read.
    @inline(__always)
    package func read<Result>(_ read: (borrowing Value) -> Result) -> Result? {
        values.isEmpty ? nil : read(values[0])
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
