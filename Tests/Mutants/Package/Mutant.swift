/// Which of the mutants are at work; none, until the runner says so.
package enum Mutant {
    nonisolated(unsafe) package static var active: Set<String> = []

    package static func `is`(_ name: String) -> Bool { !active.isEmpty && active.contains(name) }
}
