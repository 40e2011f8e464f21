/// Runs all bodies concurrently, and returns as soon as one of them has returned. Cancels the other bodies without
/// waiting for them.
func firstToEnd(_ bodies: [@Sendable () async -> Void]) async {
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    let tasks = bodies.map { body in
        Task {
            await body()
            end.yield()
        }
    }
    for await _ in ends { break }
    for task in tasks { task.cancel() }
}

/// Waits for a task, but not longer than `limit`.
func wait(for task: Task<Void, Never>, atMost limit: Duration) async {
    await firstToEnd([{ await task.value }, { try? await Task.sleep(for: limit) }])
}
