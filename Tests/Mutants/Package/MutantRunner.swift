import MeshSimulator
import SecureMeshCore

/// MutantRunner MUTANT FIRST LAST [ATTACK]: plays the swarm's worlds of these seeds, each with that attack if one is
/// named, with one mutant at work (or none: ""), until one breaks. Prints `SEED: REASON`, or `sound`.
@main
struct MutantRunner {
    static func main() {
        let arguments = CommandLine.arguments
        guard (4...5).contains(arguments.count), let first = UInt64(arguments[2]), let last = UInt64(arguments[3]),
            first <= last
        else {
            return print("usage: MutantRunner MUTANT FIRST LAST [ATTACK]")
        }
        let attack = arguments.count == 5 ? Strategy(rawValue: arguments[4]) : nil
        Mutant.active = arguments[1]
        for seed in first...last {
            let outcome = World(FaultPlan.scenario(seed: seed, attack: attack)).run()
            guard outcome.isSound else { return print("\(seed): \(outcome.recording.failure ?? "")") }
        }
        print("sound")
    }
}
