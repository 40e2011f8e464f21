/// Returns the number of elements of the stored property `property`, which is a collection; nil if there is none.
///
/// The storage of bounded tables is private, and a test of the bound has to read it.
func storedCount(_ property: String, of value: Any) -> Int? {
    Mirror(reflecting: value).children.first { $0.label == property }
        .map { Mirror(reflecting: $0.value).children.count }
}
