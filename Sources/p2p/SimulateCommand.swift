internal import ArgumentParser
internal import MeshReport
internal import MeshSimulator
internal import SecureMesh

/// `p2p simulate`: simulates a mesh in one process and in virtual time, with the faults and attacks that the user
/// chooses.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Play a mesh with faults and attackers in virtual time.",
        discussion: """
              p2p simulate --peers 200 --minutes 5 --loss 5% \\
                  --partition 60s..90s:40% --report mesh.html
              p2p simulate --peers 20 --kill 30s..60s:server --kill 45s:3 \\
                  --attack replay --seed 7
              p2p simulate --swarm 1..300
              p2p simulate --scaling 10,100,1000

            Runs the code of the real server and peers on a simulated network, with simulated clocks and random \
            numbers. One seed makes one world: the same command gives the same run on any machine, to the byte. After \
            the given time all faults end, and the mesh must become whole again. Prints the results on stdout and the \
            progress on stderr. Exits with 1 if the mesh broke a rule or did not become whole.

            Attacks, by someone on the path between peers and server unless said otherwise:
            \(attacks)
            """)

    private static var attacks: String {
        let width = Strategy.allCases.map(\.rawValue.count).max() ?? 0
        return Strategy.allCases.map { strategy in
            let padding = String(repeating: " ", count: width + 2 - strategy.rawValue.count)
            return "  \(strategy.rawValue)\(padding)\(strategy.summary)"
        }.joined(separator: "\n")
    }

    @Option(help: ArgumentHelp("Number of peers, at most 10000 and as many as memory allows.", valueName: "count"))
    var peers = 20

    @Option(help: ArgumentHelp("Virtual time with faults, 1 to 1440 minutes.", valueName: "count"))
    var minutes = 1

    @Option(
        help: ArgumentHelp("Share of datagrams that are lost.", valueName: "share", default: "0%"),
        transform: Parse.share)
    var loss = 0

    @Option(
        help: ArgumentHelp("Share of datagrams that arrive twice.", valueName: "share", default: "0%"),
        transform: Parse.share)
    var duplicate = 0

    @Option(
        help: ArgumentHelp(
            "Put all processes on one host with this number of cores, 1 to 64, where each takes CPU time as measured.",
            valueName: "count"))
    var cores: Int?

    @Option(
        help: ArgumentHelp(
            "Time between the starts of two peers.", valueName: "interval", default: "10ms, at least 1s in total"),
        transform: Parse.interval)
    var gap: Duration?

    @Option(
        name: .customLong("latency"),
        help: ArgumentHelp(
            "Latency, one way.", valueName: "interval", default: "\(defaultLatency.argument), and none with --cores"),
        transform: Parse.interval)
    var givenLatency: Duration?

    @Option(
        help: ArgumentHelp(
            "Maximum of the random time that is added to the latency.", valueName: "interval",
            default: Duration.zero.argument),
        transform: Parse.time)
    var jitter = Duration.zero

    @Option(
        help: ArgumentHelp(
            "Cut a share of the peers off from all others and the server: 60s..90s:40%. Repeatable.",
            valueName: "span:share"),
        transform: Parse.partition)
    var partition: [FaultOption] = []

    @Option(
        help: ArgumentHelp(
            "Kill peers or the server, and restart them at the end of the span: 60s:10%, 60s..90s:3, "
                + "60s..65s:server. Repeatable.",
            valueName: "span:target"),
        transform: Parse.kill)
    var kill: [FaultOption] = []

    @Option(
        help: ArgumentHelp(
            "Attack, all the time or for a span: replay, replay:20s..40s. Repeatable.", valueName: "name[:span]"),
        transform: Parse.attack)
    var attack: [AttackOption] = []

    @Option(
        help: ArgumentHelp(
            "Time between a peer's messages, or off.", valueName: "interval|off",
            default: "\(defaultTalk.argument), and off with --cores"),
        transform: Parse.optionalInterval)
    var talk: OptionalInterval?

    @Option(
        help: ArgumentHelp(
            "libsodium, or fast and insecure test cryptography.", valueName: "real|insecure-test",
            default: "real up to \(Scenario.closeScrutiny) peers"))
    var crypto: CryptoOption?

    @Option(
        name: .customLong("seed"),
        help: ArgumentHelp("Random seed.", valueName: "number", default: "random"))
    var givenSeed: UInt64?

    @Flag(help: "Print one JSON object instead of a table.")
    var json = false

    @Option(help: ArgumentHelp("Write a page that shows the run.", valueName: "file.html"), completion: .file())
    var report: String?

    @Option(
        help: ArgumentHelp(
            "Play the worlds of these seeds, each with its own faults, and stop at the first that breaks; with "
                + "--attack, each also with that attack.",
            valueName: "first..last"),
        transform: Parse.seeds)
    var swarm: ClosedRange<UInt64>?

    @Flag(help: "With --swarm: print the hash of each world's trace.")
    var hashes = false

    @Option(
        help: ArgumentHelp(
            "Measure quiet meshes of these sizes and print tables in Markdown; at most 100 peers of each are real.",
            valueName: "sizes"),
        transform: Parse.sizes)
    var scaling: [Int]?

    @OptionGroup(title: "Output") var outputOptions: OutputOptions

    private static let defaultLatency = Duration.milliseconds(10)
    private static let defaultTalk = Duration.seconds(4)

    private var seed: UInt64 { givenSeed ?? Parse.randomSeed }

    func validate() throws {
        guard (1...10_000).contains(peers) else { throw ValidationError("--peers is 1 to 10000") }
        guard (1...1_440).contains(minutes) else { throw ValidationError("--minutes is 1 to 1440") }
        if swarm != nil {
            try refuseOthers(
                than: ["swarm", "hashes", "attack"], because: "--swarm plays worlds with their own faults")
            guard attack.count <= 1, attack.allSatisfy({ $0.from == .zero && $0.to == nil }) else {
                throw ValidationError("--swarm takes one attack, by its name only: the seed gives the time")
            }
        } else if scaling != nil {
            try refuseOthers(than: ["scaling", "seed"], because: "--scaling plays quiet meshes")
        } else if hashes {
            throw ValidationError("--hashes needs --swarm: the table of one world has its hash")
        }
        guard max(givenLatency ?? .zero, jitter) <= .seconds(60) else {
            throw ValidationError("--latency and --jitter are at most 60s")
        }
        if let cores, !(1...64).contains(cores) { throw ValidationError("--cores is 1 to 64") }
        for attack in attack where attack.from >= .seconds(minutes * 60) {
            throw ValidationError("an attack begins within the \(minutes) min of the run")
        }
        for fault in partition + kill where fault.from >= .seconds(minutes * 60) {
            throw ValidationError("a partition or a kill begins within the \(minutes) min of the run")
        }
        for case .count(let count) in kill.map(\.target) where count > peers {
            throw ValidationError("--kill has \(count) peers, but --peers is \(peers)")
        }
    }

    /// Throws a `ValidationError` if the command line has an option that is not in `own`. Such an option would have no
    /// effect, which the user would not expect.
    private func refuseOthers(than own: Set<String>, because reason: String) throws {
        let names = CommandLine.arguments.filter { $0.hasPrefix("--") }
            .map { String($0.dropFirst(2).prefix { $0 != "=" }) }
        if let other = names.first(where: { !own.contains($0) }) {
            throw ValidationError("\(reason), without --\(other)")
        }
    }

    func run() throws {
        if let swarm { return try play(swarm) }
        if let scaling { return try measure(scaling) }
        let reportFile = report.map(ReportFile.init(path:))
        try reportFile?.checkWritable()
        let scenario = scenario
        Console.note("seed \(seed): \(repeatCommand)")
        let progress = ProgressLine()
        let start = CPUTime.now
        let outcome = World(scenario).run { progress.show($0) }
        progress.end()
        let datagrams = outcome.recording.traffic.reduce(0) { $0 + $1.traffic.datagrams }
        Console.note(CPUTime.summary(of: datagrams, since: start))
        if json {
            Console.result(outcome.recording.json)
        } else {
            for line in outcome.recording.summary { Console.result(line) }
        }
        try reportFile?.write(outcome.recording.html)
        guard outcome.isSound else {
            for line in Story.of(scenario, outcome) { Console.note(Console.escaped(line)) }
            throw ExitCode(1)
        }
    }

    private var scenario: Scenario {
        var random = RandomSource.seeded(seed)
        var scenario = Scenario(seed: seed, peers: peers, duration: .seconds(minutes * 60))
        scenario.title = "\(peers) \(peers == 1 ? "peer" : "peers"), \(minutes) min"
        scenario.command = repeatCommand
        scenario.arrivals = gap.map { $0 * peers } ?? .milliseconds(max(peers, 100) * 10)
        let usual: CryptoOption = peers <= Scenario.closeScrutiny ? .real : .insecureTest
        scenario.cryptography = (crypto ?? usual) == .real ? .real : .insecureTest
        if let cores {
            scenario.processors = Processors(cores: cores)
            scenario.network = .sameHost
        }
        if let givenLatency { scenario.network.latency = givenLatency }
        scenario.network.jitter = jitter
        scenario.network.loss = loss
        scenario.network.duplication = duplicate
        if case .every(let interval) = talk ?? (cores == nil ? .every(Self.defaultTalk) : .off) {
            scenario.talk.interval = interval
        }
        for (number, fault) in partition.enumerated() {
            let cutOff = Set(randomPeers(fault.target, &random))
            scenario.faults.append(TimedFault(at: fault.from, .beginPartition(number, Partition(cutOff: cutOff))))
            if let to = fault.to { scenario.faults.append(TimedFault(at: to, .endPartition(number))) }
        }
        for fault in kill { scenario.faults += kills(fault, &random) }
        for attack in attack {
            scenario.attacks.append(
                AttackPlan(attack.strategy, from: attack.from, to: attack.to ?? scenario.duration))
        }
        return scenario
    }

    private func kills(_ fault: FaultOption, _ random: inout RandomSource) -> [TimedFault] {
        if case .server = fault.target {
            return [TimedFault(at: fault.from, .crashServer)]
                + (fault.to.map { [TimedFault(at: $0, .startServer)] } ?? [])
        }
        return randomPeers(fault.target, &random).flatMap { peer in
            [TimedFault(at: fault.from, .crash(peer))]
                + (fault.to.map { [TimedFault(at: $0, .restart(peer, elsewhere: false))] } ?? [])
        }
    }

    private func randomPeers(_ target: FaultOption.Target, _ random: inout RandomSource) -> [Int] {
        Array((0..<peers).shuffled(using: &random).prefix(target.count(of: peers)))
    }

    /// The command that runs the same simulation again.
    private var repeatCommand: String {
        var arguments = CommandLine.arguments.dropFirst().filter { $0 != "--json" }
        if let index = arguments.firstIndex(where: { $0 == "--report" }) {
            arguments.removeSubrange(index..<min(index + 2, arguments.endIndex))
        }
        arguments.removeAll { $0.hasPrefix("--report=") }
        if !arguments.contains(where: { $0.hasPrefix("--seed") }) { arguments += ["--seed", "\(seed)"] }
        return (["p2p"] + arguments).joined(separator: " ")
    }

    private func measure(_ sizes: [Int]) throws {
        Console.note("seed \(seed): \(repeatCommand)")
        guard ScalingTable.print(sizes, seed: seed) else {
            Console.note("a mesh did not finish: a peer could not join, or a change did not reach all members")
            throw ExitCode(1)
        }
    }

    private func play(_ seeds: ClosedRange<UInt64>) throws {
        let progress = ProgressLine()
        for seed in seeds {
            progress.show(seed, of: seeds)
            let scenario = FaultPlan.scenario(seed: seed, attack: attack.first?.strategy)
            let outcome = World(scenario).run()
            if hashes { Console.result("\(seed) \(String(outcome.traceHash, radix: 16))") }
            guard outcome.isSound else {
                progress.end()
                Console.result("seed \(seed): \(outcome.recording.failure ?? "")")
                for line in Story.of(scenario, outcome) { Console.result(Console.escaped(line)) }
                Console.note("to see it again: \(scenario.command ?? "")")
                throw ExitCode(1)
            }
        }
        progress.end()
        Console.result("\(seeds.count) worlds, all sound (seeds \(seeds.lowerBound) to \(seeds.upperBound))")
    }
}
