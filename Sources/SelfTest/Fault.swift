/// A failed check.
package struct Fault: Error, CustomStringConvertible {
    package let description: String
    /// A command that reproduces the fault; nil if only the whole run reproduces it.
    package let command: String?

    package init(_ description: String, command: String? = nil) {
        self.description = description
        self.command = command
    }

    /// Creates a fault that describes the first of the failures and gives the number of the others. Returns nil if
    /// `failures` is empty.
    package init?(_ failures: [String]) {
        guard let first = failures.first else { return nil }
        self.init(failures.count == 1 ? first : "\(first) (and \(failures.count - 1) more)")
    }
}

/// Throws a `Fault` with `description` if `condition` is false.
package func require(_ condition: Bool, _ description: @autoclosure () -> String) throws {
    guard condition else { throw Fault(description()) }
}

/// Returns `value`, or throws a `Fault` with `description` if `value` is nil.
package func require<Value>(_ value: Value?, _ description: @autoclosure () -> String) throws -> Value {
    guard let value else { throw Fault(description()) }
    return value
}
