package import MeshSimulator

/// The delays of the broadcasts of a swarm: the time from a call of `broadcast` to the event at the last receiver.
///
/// A broadcast that is never delivered to all of its receivers has no such delay. So a bounded number of broadcasts may
/// be incomplete. If there are more, all incomplete ones are discarded.
package struct BroadcastDelays: Sendable {
    private struct Progress {
        /// The number of receivers that lack the message. It is negative while some have the message and the number of
        /// receivers is still unknown.
        var missing = 0
        var delay = Duration.zero
    }

    /// The broadcasts that have not reached all receivers, by the time at which they were made.
    private var incomplete: [Duration: Progress] = [:]
    /// The delays of the broadcasts that have reached all receivers.
    private(set) package var toLast = Distribution()

    package init() {}

    /// Notes that a receiver has received a broadcast.
    ///
    /// - Parameter time: The time at which the broadcast was made. It identifies the broadcast.
    package mutating func noteDelivery(ofBroadcastAt time: Duration, delay: Duration) {
        change(time) { progress in
            progress.missing -= 1
            progress.delay = max(progress.delay, delay)
        }
    }

    /// Notes the number of receivers. Some of them may have received the message before this call.
    package mutating func noteReceivers(_ count: Int, ofBroadcastAt time: Duration) {
        guard count > 0 else { return }
        change(time) { $0.missing += count }
    }

    private mutating func change(_ time: Duration, _ change: (inout Progress) -> Void) {
        if incomplete.count >= Self.limit, incomplete[time] == nil { incomplete = [:] }
        var progress = incomplete[time] ?? Progress()
        change(&progress)
        if progress.missing == 0 {
            toLast.add(progress.delay)
            incomplete[time] = nil
        } else {
            incomplete[time] = progress
        }
    }

    /// The largest number of broadcasts that may be incomplete.
    package static let limit = 65_536
}
