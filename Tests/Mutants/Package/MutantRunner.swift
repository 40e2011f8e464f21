import MeshSimulator
import SecureMesh

/// MutantRunner MUTANT FIRST LAST: plays the swarm's worlds of these seeds with one mutant at work (or none: ""), until one
/// breaks. Prints `SEED: REASON`, or `sound`.
@main
struct MutantRunner {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let first = UInt64(arguments[2]), let last = UInt64(arguments[3]), first <= last
        else {
            return print("usage: MutantRunner MUTANT FIRST LAST")
        }
        Mutant.active = arguments[1]
        for seed in first...last {
            let outcome = World(FaultPlan.scenario(seed: seed)).run()
            guard outcome.isSound else { return print("\(seed): \(outcome.recording.failure ?? "")") }
        }
        print("sound")
    }
}
