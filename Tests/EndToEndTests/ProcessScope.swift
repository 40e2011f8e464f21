internal import Dispatch
internal import Synchronization
internal import Testing

/// The scope of tests that start processes: a few at a time, on threads of their own.
///
/// Swift's threads for tasks are as many as cores, and the tests of the library use them for minutes. A test that waits
/// for a process would continue only when one of them is free, long after the process has done what is expected.
struct ProcessScope: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? {
        // A suite, or a test as a whole, has no scope: each of its cases has one.
        testCase == nil ? nil : self
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        await ProcessSlots.shared.take()
        defer { ProcessSlots.shared.give() }
        try await withTaskExecutorPreference(DispatchTaskExecutor.shared) { try await function() }
    }
}

extension Trait where Self == ProcessScope {
    /// Runs the tests a few at a time, on threads of their own.
    static var processes: Self { Self() }
}

/// Limits how many tests have processes at the same time.
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

/// Runs tasks on the threads of a dispatch queue, which starts another one if all of them wait.
private final class DispatchTaskExecutor: TaskExecutor {
    static let shared = DispatchTaskExecutor()

    private let queue = DispatchQueue(label: "tests of processes", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
