internal import SecureMesh
internal import Synchronization

/// Broadcasts a message at regular intervals. The interval can be changed.
actor Broadcaster {
    private let runner: PeerRunner
    private let text: String?
    private var interval: Duration
    private let count = Atomic(0)
    private var task: Task<Void, Never>?

    /// - Parameters:
    ///   - text: The message; nil to send `NAME_broadcast_COUNTER`. The counter is the number of the broadcast, without
    ///     the broadcasts that had no receiver.
    ///   - interval: The interval that `resume` uses before the first call of `start`.
    init(_ text: String?, over runner: PeerRunner, every interval: Duration) {
        self.text = text
        self.runner = runner
        self.interval = interval
    }

    /// Starts to broadcast at this interval, or changes the interval if broadcasts are on. Returns the interval.
    @discardableResult
    func start(every interval: Duration) -> Duration {
        stop()
        self.interval = interval
        task = Task { await self.broadcast(every: interval) }
        return interval
    }

    /// Starts to broadcast at the interval that was used last. Returns the interval.
    func resume() -> Duration { start(every: interval) }

    func stop() {
        task?.cancel()
        task = nil
    }

    /// Broadcasts through the runner's current peer. After that peer has ended, continues with the next one.
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
            // There is no peer at this point, or the peer has ended.
            try? await Task.sleep(for: min(interval, Self.longestPause))
        }
    }

    /// The longest time between two checks of whether there is a new peer.
    private static let longestPause = Duration.milliseconds(100)
}
