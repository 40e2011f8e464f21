import MeshSimulator
import SecureMeshCore

/// Runs the simulator with mutants. There are two forms of the command.
///
/// `MutantRunner MUTANTS FIRST LAST [ATTACK]` runs the swarm's worlds with the seeds FIRST to LAST, until a world
/// breaks an invariant. If ATTACK is given, each world runs with that attack. MUTANTS are the names of the active
/// mutants, separated by commas; "" means none. Prints `SEED: REASON`, or `sound`.
///
/// `MutantRunner MUTANTS SCENARIO SEED` runs a large mesh on one host.
@main
struct MutantRunner {
    static func main() {
        let arguments = CommandLine.arguments
        guard let scenarios = scenarios(arguments.dropFirst(2)) else {
            return print("usage: MutantRunner MUTANTS (FIRST LAST [ATTACK] | SCENARIO SEED)")
        }
        Mutant.active = Set(arguments[1].split(separator: ",").map(String.init))
        for scenario in scenarios {
            let outcome = World(scenario()).run()
            guard outcome.isSound else { return print("\(scenario().seed): \(outcome.recording.failure ?? "")") }
        }
        print("sound")
    }

    private static func scenarios(_ arguments: ArraySlice<String>) -> [() -> Scenario]? {
        let arguments = Array(arguments)
        if arguments.count == 2, let host = HostScenario(rawValue: arguments[0]), let seed = UInt64(arguments[1]) {
            return [{ host.scenario(seed: seed) }]
        }
        guard (2...3).contains(arguments.count), let first = UInt64(arguments[0]), let last = UInt64(arguments[1]),
            first <= last
        else { return nil }
        let attack = arguments.count == 3 ? Strategy(rawValue: arguments[2]) : nil
        return (first...last).map { seed in { FaultPlan.scenario(seed: seed, attack: attack) } }
    }
}
