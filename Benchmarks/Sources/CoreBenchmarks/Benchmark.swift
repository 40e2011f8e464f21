internal import CMallocCounter

/// The time and the number of allocations of one operation.
struct Result {
    let name: String
    /// The time of one operation in nanoseconds. This is the time of the shortest run, divided by the number of
    /// operations in the run.
    let time: Double
    /// The mean number of allocations of one operation, in the run with the fewest allocations.
    let allocations: Double
    /// The largest mean number of allocations that the operation may make.
    let limit: Double

    var isWithinLimit: Bool { allocations <= limit }
}

/// Measures operations one after another, and keeps the results.
struct Benchmark {
    private(set) var results: [Result] = []
    private let clock = ContinuousClock()
    /// The number of runs of an operation. The shortest run is the result, because other programs can only make a run
    /// longer.
    private let runs: Int

    /// - Parameter runs: The number of runs; 1 is enough to count allocations.
    init(runs: Int) {
        self.runs = runs
    }

    /// Measures an operation that needs no preparation.
    ///
    /// - Parameters:
    ///   - limit: The largest mean number of allocations that the operation may make.
    ///   - repeats: The number of operations in a run.
    mutating func measure(_ name: String, limit: Double, repeats: Int = 200, _ body: () -> Void) {
        measure(name, limit: limit, repeats: repeats, prepare: {}, run: { _ in for _ in 0..<repeats { body() } })
    }

    /// Measures an operation that needs a new input for each run.
    ///
    /// - Parameters:
    ///   - limit: The largest mean number of allocations that the operation may make.
    ///   - repeats: The number of operations in one call of `run`.
    ///   - prepare: Makes the input of a run. This call is not measured.
    mutating func measure<Input>(
        _ name: String, limit: Double, repeats: Int, prepare: () -> Input, run: (inout Input) -> Void
    ) {
        var best = Duration.seconds(3_600)
        var fewest = Int.max
        // There is one more run than `runs`, because the first run also fills caches and makes tables grow.
        for _ in 0...runs {
            var input = prepare()
            let before = malloc_count()
            let time = clock.measure { run(&input) }
            let allocations = Int(malloc_count() &- before)
            best = min(best, time)
            fewest = min(fewest, allocations)
        }
        results.append(
            Result(
                name: name, time: Double(best / .nanoseconds(1)) / Double(repeats),
                allocations: Double(fewest) / Double(repeats), limit: limit))
    }

    func time(of name: String) -> Double { results.first { $0.name == name }?.time ?? .nan }

    /// Keeps the optimizer from removing the code that computes `value`.
    @inline(never) static func use<Value>(_ value: Value) {}

    /// True if allocations can be counted on this system.
    static var countsAllocations: Bool {
        let before = malloc_count()
        var arrays: [[UInt8]] = []
        arrays.reserveCapacity(100)
        for size in 1...100 { arrays.append([UInt8](repeating: 1, count: size)) }
        use(arrays)
        return malloc_count() &- before >= 101
    }
}
