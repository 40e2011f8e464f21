/// The mutants that are active: the names of the deliberate faults in the protocol's code. None is active until the
/// runner sets `active`.
package enum Mutant {
    nonisolated(unsafe) package static var active: Set<String> = []

    package static func `is`(_ name: String) -> Bool { !active.isEmpty && active.contains(name) }
}
