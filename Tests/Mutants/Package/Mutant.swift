/// The names of the active mutants. A mutant is a deliberate fault in the protocol's code. No mutant is active until
/// the runner sets `active`.
package enum Mutant {
    nonisolated(unsafe) package static var active: Set<String> = []

    package static func `is`(_ name: String) -> Bool { !active.isEmpty && active.contains(name) }
}
