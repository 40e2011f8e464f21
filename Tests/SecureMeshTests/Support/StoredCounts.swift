/// How many elements a value's stored collection has, by the property's name; nil if there is none.
///
/// For tables that promise not to grow: their storage is private, and a test of the promise must look at it.
func storedCount(_ property: String, of value: Any) -> Int? {
    Mirror(reflecting: value).children.first { $0.label == property }
        .map { Mirror(reflecting: $0.value).children.count }
}
