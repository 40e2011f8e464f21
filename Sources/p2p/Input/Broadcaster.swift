internal import SecureMesh
internal import Synchronization

/// Broadcasts a message at an interval, which can be changed.
actor Broadcaster {
    private let runner: PeerRunner
    private let text: String?
    private var interval: Duration
    private let count = Atomic(0)
    private var task: Task<Void, Never>?

    /// - Parameters:
    ///   - text: The message; nil for `NAME_broadcast_COUNTER`. The counter counts broadcasts with a receiver.
    ///   - interval: The interval of `resume` before the first `start`.
    init(_ text: String?, over runner: PeerRunner, every interval: Duration) {
        self.text = text
        self.runner = runner
        self.interval = interval
    }

    /// Begins, or continues with another interval.
    @discardableResult
    func start(every interval: Duration) -> Duration {
        stop()
        self.interval = interval
        task = Task { await self.broadcast(every: interval) }
        return interval
    }

    /// Begins with the interval of the last time.
    func resume() -> Duration { start(every: interval) }

    func stop() {
        task?.cancel()
        task = nil
    }

    /// Broadcasts through one peer after another.
    private nonisolated func broadcast(every interval: Duration) async {
        let hasEnded = Atomic(false)
        while !Task.isCancelled, !hasEnded.load(ordering: .relaxed) {
            await runner.peer?.broadcast(every: interval) {
                Array((self.text ?? "\(self.runner.name)_broadcast_\(self.count.load(ordering: .relaxed) + 1)").utf8)
            } note: { result in
                switch result {
                case .success(let receivers):
                    if receivers > 0 { self.count.add(1, ordering: .relaxed) }
                case .failure(.tooLarge(let limit)):
                    Console.warning("the message is longer than \(limit) bytes, nothing is sent")
                    hasEnded.store(true, ordering: .relaxed)
                    return false
                case .failure: break
                }
                return true
            }
            // There is no peer, or it has ended.
            try? await Task.sleep(for: min(interval, Self.longestPause))
        }
    }

    /// The longest time until a new peer is noticed.
    private static let longestPause = Duration.milliseconds(100)
}
