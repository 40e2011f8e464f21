internal import Dispatch
internal import Synchronization
internal import Testing

/// Gives the tests that start processes separate threads and a harness for each test case, and runs at most eight of
/// these tests at the same time.
///
/// Swift runs tasks on as many threads as there are cores, and the tests of the library occupy those threads for
/// minutes. A test that waits for a process could continue only when one of the threads is free, which may be long
/// after the awaited event.
struct ProcessScope: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? {
        // The scope applies to each test case. A whole test or suite needs none.
        testCase == nil ? nil : self
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        await ProcessSlots.shared.take()
        defer { ProcessSlots.shared.give() }
        let harness = try ProcessHarness()
        defer { harness.end() }
        try await ProcessHarness.$ofTest.withValue(harness) {
            try await withTaskExecutorPreference(DispatchTaskExecutor.shared) { try await function() }
        }
    }
}

extension Trait where Self == ProcessScope {
    /// Runs each test case with its own harness on separate threads, at most eight tests at the same time.
    static var processes: Self { Self() }
}

/// Limits the number of tests that run processes at the same time.
private final class ProcessSlots: Sendable {
    static let shared = ProcessSlots()

    private struct State {
        var free = 8
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
    }

    func give() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}

/// Runs tasks on the threads of a dispatch queue, which starts another thread if all of them are blocked.
private final class DispatchTaskExecutor: TaskExecutor {
    static let shared = DispatchTaskExecutor()

    private let queue = DispatchQueue(label: "tests of processes", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
