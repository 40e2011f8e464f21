#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

internal import SecureMeshCore

/// Measures the time and the allocations of each operation of the core.
///
///     CoreBenchmarks          # prints a table
///     CoreBenchmarks --check  # counts allocations only, and fails if an operation makes too many
///     CoreBenchmarks --memory [N]  # prints the bytes per member in a mesh of N, and fails if there are too many
///     CoreBenchmarks --steps  # prints the longest steps with the largest directories, and fails if one is too long
///     CoreBenchmarks --joins  # prints the time of a handshake and the time of the primitives in it
///     CoreBenchmarks --load PORT KEY N SECONDS|blast verify|trust  # joins N members, for Tests/Stress/loops.py
///     CoreBenchmarks --instructions N…  # runs the operations that Benchmarks/instructions counts, with N members
@main
struct CoreBenchmarks {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst(2))
        switch CommandLine.arguments.dropFirst().first {
        case "--instructions": return arguments.compactMap(Int.init).forEach(InstructionCounts.measure(size:))
        case "--load": return MemberLoad.run(arguments)
        case "--joins": return HandshakeCosts.run()
        case "--steps": return checkSteps()
        case "--memory": return checkMemory(members: arguments.first.flatMap { Int($0) } ?? 2_500)
        default: break
        }
        let isCheck = CommandLine.arguments.dropFirst().contains("--check")
        guard Benchmark.countsAllocations else {
            print("CoreBenchmarks: allocations cannot be counted here: that needs glibc")
            return
        }
        var benchmark = Benchmark(runs: isCheck ? 1 : 20)
        benchmark.measureCodec()
        benchmark.measureCrypto()
        var mesh = BenchmarkMesh(members: isCheck ? 200 : 1_000)
        benchmark.measureServer(&mesh)
        benchmark.measureJoins(&mesh)
        benchmark.measurePeer(&mesh)
        benchmark.measureRefusedHandshakes()
        benchmark.measureMessages(members: isCheck ? 200 : 1_000)
        print("| operation | ns | allocations | at most |\n|---|---:|---:|---:|")
        for result in benchmark.results {
            let mark = result.isWithinLimit ? "" : " **too many**"
            print(
                "| \(result.name) | \(Int(result.time)) | \(text(result.allocations)) |"
                    + " \(text(result.limit))\(mark) |")
        }
        if !isCheck { printCosts(benchmark) }
        guard benchmark.results.allSatisfy(\.isWithinLimit) else {
            print("\nCoreBenchmarks: error: too many allocations")
            exit(1)
        }
    }

    /// Prints the longest steps, and exits with an error if one is too long.
    private static func checkSteps() {
        guard LongestSteps().report() else {
            print("CoreBenchmarks: error: a step is too long")
            exit(1)
        }
    }

    /// Prints the memory per member, and exits with an error if the memory exceeds its limit.
    private static func checkMemory(members: Int) {
        let memory = MemoryBenchmarks(members: members)
        for result in memory.results {
            print("\(result.name): \(result.bytes) bytes; the limit is \(result.limit)")
        }
        guard memory.results.allSatisfy({ $0.bytes <= $0.limit }) else {
            print("CoreBenchmarks: error: too much memory")
            exit(1)
        }
    }

    /// Prints the time of a heartbeat as a multiple of the time of its primitives, and the measured times beside the
    /// times that `Limits` assumes.
    private static func printCosts(_ benchmark: Benchmark) {
        let bare = ["verify", "open", "seal"].map(benchmark.time).reduce(0, +)
        let heartbeat = ["heartbeat", "pulse to a member"].map(benchmark.time).reduce(0, +)
        print(
            """

            a heartbeat with its PULSE takes \(text(heartbeat / bare)) × (verify + open + seal), without the sockets
            Limits.helloCost:   \(Limits.helloCost) ns, measured \(Int(benchmark.time(of: "HELLO"))) ns
            Limits.confirmCost: \(Limits.confirmCost) ns, measured \(Int(benchmark.time(of: "CONFIRM"))) ns
            Limits.memberCost:  \(Limits.memberCost) ns, measured \(Int(heartbeat)) ns and the sockets
            """)
    }

    /// Formats a number with at most two decimals.
    private static func text(_ value: Double) -> String {
        let hundredths = Int(value * 100 + 0.5)
        let rest = hundredths % 100
        if rest == 0 { return "\(hundredths / 100)" }
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest % 10 == 0 ? rest / 10 : rest)"
    }
}
