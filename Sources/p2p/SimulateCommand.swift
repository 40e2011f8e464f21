internal import ArgumentParser
internal import MeshSimulator
internal import SecureMesh

/// `p2p simulate`: a whole mesh in one process and in virtual time, with the faults and attacks one asks for.
struct SimulateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Play a whole mesh, with faults and attackers, in virtual time.",
        discussion: """
            The server and the peers are those that run for real; the network, the clocks and the dice are simulated. \
            One seed makes one world: the same command gives the same run on any machine, to the byte. After the time \
            given everything heals, and the mesh must become whole again. Prints what happened on stdout, progress on \
            stderr; exits with 1 if the mesh broke a rule or did not heal.

              p2p simulate --peers 200 --minutes 5 --loss 5% --partition 60s..90s:40% --report mesh.html
              p2p simulate --peers 20 --kill 30s..60s:server --kill 45s:3 --attack replay --seed 7
              p2p simulate --swarm 1..300
              p2p simulate --scaling 10,100,1000
            """)

    @Option(help: ArgumentHelp("How many peers, at most 10000, as memory allows. Default: 20.", valueName: "count"))
    var peers = 20

    @Option(help: ArgumentHelp("How long there is trouble, in virtual time.", valueName: "count"))
    var minutes = 1

    @Option(help: ArgumentHelp("Datagrams that get lost. Default: 0%.", valueName: "share"), transform: Parse.share)
    var loss = 0

    @Option(help: ArgumentHelp("Datagrams that come twice. Default: 0%.", valueName: "share"), transform: Parse.share)
    var duplicate = 0

    @Option(help: ArgumentHelp("One way. Default: 10ms.", valueName: "interval"), transform: Parse.interval)
    var latency = Duration.milliseconds(10)

    @Option(
        help: ArgumentHelp("Added to the latency, evenly from 0 to this. Default: 0s.", valueName: "interval"),
        transform: Parse.time)
    var jitter = Duration.zero

    @Option(
        help: ArgumentHelp(
            "Cut a share of the peers off from all others and the server: 60s..90s:40%. May be given several times.",
            valueName: "span:share"),
        transform: Parse.partition)
    var partition: [Trouble] = []

    @Option(
        help: ArgumentHelp(
            "Kill peers or the server, and start them again at the end of a span: 60s:10%, 60s..90s:3, 60s..65s:server.",
            valueName: "span:whom"),
        transform: Parse.kill)
    var kill: [Trouble] = []

    @Option(
        help: ArgumentHelp(
            "Attack, all the time or for a span: \(Strategy.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "name[:span]"),
        transform: Parse.attack)
    var attack: [Attack] = []

    @Option(
        help: ArgumentHelp("How often each peer says something, or off. Default: 4s.", valueName: "interval|off"),
        transform: Parse.optionalInterval)
    var talk = OptionalInterval.every(.seconds(4))

    @Option(
        help: ArgumentHelp(
            "libsodium, or a fast stand-in for signatures and seals. Default: real up to 64 peers.",
            valueName: "real|stand-in"))
    var crypto: Cryptography?

    @Option(
        name: .customLong("seed"),
        help: ArgumentHelp("What makes every random choice. Default: another one each time.", valueName: "number"))
    var givenSeed: UInt64?

    var seed: UInt64 { givenSeed ?? Parse.drawnSeed }

    @Flag(help: "Print one JSON object instead of a table.")
    var json = false

    @Option(help: ArgumentHelp("Write a page that shows the run.", valueName: "file.html"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "Play the worlds of these seeds, each with faults of its own, and stop at the first that breaks; with --attack, "
                + "each with that attack too.",
            valueName: "first..last"),
        transform: Parse.seeds)
    var swarm: ClosedRange<UInt64>?

    @Flag(help: "With --swarm: print each world's trace hash.")
    var hashes = false

    @Option(
        help: ArgumentHelp(
            "Measure quiet meshes of these sizes and print a table in Markdown; at most 100 of each are real peers.",
            valueName: "sizes"),
        transform: Parse.sizes)
    var scaling: [Int]?

    func validate() throws {
        guard (1...10_000).contains(peers) else { throw ValidationError("--peers is 1 to 10000") }
        guard (1...1_440).contains(minutes) else { throw ValidationError("--minutes is 1 to 1440") }
        if swarm != nil {
            try refuseOthers(
                than: ["swarm", "hashes", "attack"], because: "--swarm plays worlds with faults of their own")
            guard attack.count <= 1, attack.allSatisfy({ $0.from == .zero && $0.to == nil }) else {
                throw ValidationError("--swarm takes one attack by name; when it happens is the seed's")
            }
        } else if scaling != nil {
            try refuseOthers(than: ["scaling", "seed"], because: "--scaling plays quiet meshes")
        } else if hashes {
            throw ValidationError("--hashes goes with --swarm: one world's trace is in its table")
        }
        guard max(latency, jitter) <= .seconds(60) else {
            throw ValidationError("--latency and --jitter are at most 60s")
        }
        for attack in attack where attack.from >= .seconds(minutes * 60) {
            throw ValidationError("an attack begins within the \(minutes) min of the run")
        }
        for trouble in partition + kill where trouble.from >= .seconds(minutes * 60) {
            throw ValidationError("a partition or a kill begins within the \(minutes) min of the run")
        }
        for case .count(let count) in kill.map(\.whom) where count > peers {
            throw ValidationError("--kill has \(count) peers, and there are \(peers)")
        }
    }

    /// Options that would have no effect would be taken for a test of what they say.
    private func refuseOthers(than own: Set<String>, because reason: String) throws {
        let given = CommandLine.arguments.filter { $0.hasPrefix("--") }
            .map { String($0.dropFirst(2).prefix { $0 != "=" }) }
        if let other = given.first(where: { !own.contains($0) }) {
            throw ValidationError("\(reason): --\(other) does not go with it")
        }
    }

    func run() throws {
        if let swarm { return try play(swarm) }
        if let scaling { return try measure(scaling) }
        if let report { try checkWritable(report) }
        let scenario = scenario
        Console.note("seed \(seed): \(repeatCommand)")
        let ticker = Ticker()
        let begun = CPUTime.now
        let outcome = World(scenario).run { ticker.show($0) }
        ticker.end()
        Console.note(CPUTime.told(of: outcome.recording.traffic.reduce(0) { $0 + $1.traffic.datagrams }, since: begun))
        if json {
            Console.result(outcome.recording.json)
        } else {
            for line in outcome.recording.summary { Console.result(line) }
        }
        if let report { try write(outcome.recording.html, to: report) }
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
        scenario.arrivals = .milliseconds(max(peers, 100) * 10)
        let usual: Cryptography = peers <= Scenario.closeScrutiny ? .real : .standIn
        scenario.cryptography = (crypto ?? usual) == .real ? .real : .standIn
        scenario.network.latency = latency
        scenario.network.jitter = jitter
        scenario.network.loss = loss
        scenario.network.duplication = duplicate
        if case .every(let interval) = talk { scenario.talk.interval = interval }
        for (number, trouble) in partition.enumerated() {
            let cutOff = Set(some(trouble.whom, &random))
            scenario.faults.append(TimedFault(at: trouble.from, .beginPartition(number, Partition(cutOff: cutOff))))
            if let to = trouble.to { scenario.faults.append(TimedFault(at: to, .endPartition(number))) }
        }
        for trouble in kill { scenario.faults += faults(trouble, &random) }
        for attack in attack {
            scenario.attacks.append(
                AttackPlan(attack.strategy, from: attack.from, to: attack.to ?? scenario.duration))
        }
        return scenario
    }

    private func faults(_ trouble: Trouble, _ random: inout RandomSource) -> [TimedFault] {
        if case .server = trouble.whom {
            return [TimedFault(at: trouble.from, .crashServer)]
                + (trouble.to.map { [TimedFault(at: $0, .startServer)] } ?? [])
        }
        return some(trouble.whom, &random).flatMap { peer in
            [TimedFault(at: trouble.from, .crash(peer))]
                + (trouble.to.map { [TimedFault(at: $0, .restart(peer, elsewhere: false))] } ?? [])
        }
    }

    private func some(_ whom: Trouble.Whom, _ random: inout RandomSource) -> [Int] {
        Array((0..<peers).shuffled(using: &random).prefix(whom.count(of: peers)))
    }

    /// What repeats the run.
    private var repeatCommand: String {
        var words = CommandLine.arguments.dropFirst().filter { $0 != "--json" }
        if let place = words.firstIndex(where: { $0 == "--report" }) {
            words.removeSubrange(place..<min(place + 2, words.endIndex))
        }
        words.removeAll { $0.hasPrefix("--report=") }
        if !words.contains(where: { $0.hasPrefix("--seed") }) { words += ["--seed", "\(seed)"] }
        return (["p2p"] + words).joined(separator: " ")
    }

    /// Before a run of minutes, not after it.
    private func checkWritable(_ path: String) throws {
        let isWritable =
            switch try? FileSystem.status(of: path).kind {
            case .folder: false
            case .file, .other: FileSystem.isWritable(path)
            case nil: FileSystem.isWritable(Self.folder(of: path))
            }
        guard isWritable else { throw Self.cannotWrite(path) }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private func write(_ page: String, to path: String) throws {
        do throws(SystemError) {
            try FileSystem.replaceContent(of: path, with: Array(page.utf8))
        } catch {
            throw Self.cannotWrite(path)
        }
        Console.note("wrote \(Console.escaped(path))")
    }

    private static func cannotWrite(_ path: String) -> Failure {
        Failure(
            .cannotCreate, "cannot write \(Console.escaped(path))",
            hint: "a report is a file in a folder that is there, and yours")
    }

    private func measure(_ sizes: [Int]) throws {
        Console.note("seed \(seed): \(repeatCommand)")
        guard ScalingTable.print(sizes, seed: seed) else {
            Console.note("a mesh did not come to its end: not all got in, or a change did not reach all")
            throw ExitCode(1)
        }
    }

    private func play(_ seeds: ClosedRange<UInt64>) throws {
        let ticker = Ticker()
        for seed in seeds {
            ticker.show(seed, of: seeds)
            let scenario = FaultPlan.scenario(seed: seed, attack: attack.first?.strategy)
            let outcome = World(scenario).run()
            if hashes { Console.result("\(seed) \(String(outcome.traceHash, radix: 16))") }
            guard outcome.isSound else {
                ticker.end()
                Console.result("seed \(seed): \(outcome.recording.failure ?? "")")
                for line in Story.of(scenario, outcome) { Console.result(Console.escaped(line)) }
                Console.note("to see it again: \(scenario.command ?? "")")
                throw ExitCode(1)
            }
        }
        ticker.end()
        Console.result("\(seeds.count) worlds, all sound (seeds \(seeds.lowerBound) to \(seeds.upperBound))")
    }
}
