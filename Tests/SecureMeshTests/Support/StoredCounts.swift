/// Returns the number of elements in the stored property with the name `property`, which is a collection; nil if the
/// value has no such property.
///
/// The storage of bounded tables is private. A test of their bound has to read it anyway.
func storedCount(_ property: String, of value: Any) -> Int? {
    Mirror(reflecting: value).children.first { $0.label == property }
        .map { Mirror(reflecting: $0.value).children.count }
}
