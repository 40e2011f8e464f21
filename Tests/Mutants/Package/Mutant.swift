/// Which of the mutants is at work; none, until the runner says so.
package enum Mutant {
    nonisolated(unsafe) package static var active = ""

    package static func `is`(_ name: String) -> Bool { name == active }
}
