internal import SecureMesh

/// Broadcasts a message at an interval, which can be changed.
actor Broadcaster {
    private let runner: PeerRunner
    private let text: String?
    private var interval: Duration
    private var count = 0
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

    private func broadcast(every interval: Duration) async {
        while (try? await Task.sleep(for: interval)) != nil {
            guard let peer = await runner.peer else { continue }
            let body = text ?? "\(runner.name)_broadcast_\(count + 1)"
            do throws(SendError) {
                if try await peer.broadcast(body) > 0 { count += 1 }
            } catch {
                guard case .tooLarge(let limit) = error else { continue }
                Console.warning("the message is longer than \(limit) bytes, nothing is sent")
                return
            }
        }
    }
}
