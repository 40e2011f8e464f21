internal import MeshControl
internal import Synchronization

/// Reads the events of a running process from its control socket, for commands that print them.
struct EventStream {
    let client: ControlClient
    let filter: EventFilter

    /// Calls `show` with each event, until `show` returns false or the reader of stdout is gone.
    ///
    /// - Throws: `Failure` with exit code 69 if the process ends first.
    func run(_ show: @escaping @Sendable (_ line: [UInt8], ControlEvent) -> Bool) async throws {
        let isDone = Mutex(false)
        try await Failure.translating { () async throws(ControlClient.Failure) in
            do throws(ControlClient.Failure) {
                try await client.lines(of: "/v1/events" + filter.query) { line, event in
                    if event.event == .missed {
                        Console.warning("\(event.count ?? 0) events are missing here: stdout is too slow")
                    }
                    let goesOn = show(line, event) && !Console.isReaderGone
                    if !goesOn { isDone.withLock { $0 = true } }
                    return goesOn
                }
            } catch .brokenAnswer {
                // There are two reasons for this error. Either the process has ended, or `show` has returned false and
                // the connection was closed. `isDone` tells which.
            }
        }
        guard isDone.withLock({ $0 }) else {
            throw Failure(.unavailable, "the process at \(Console.escaped(client.path)) has ended")
        }
    }
}
