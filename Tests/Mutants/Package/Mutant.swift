/// The mutants that are switched on. There are none until the runner sets some.
package enum Mutant {
    nonisolated(unsafe) package static var active: Set<String> = []

    package static func `is`(_ name: String) -> Bool { !active.isEmpty && active.contains(name) }
}
