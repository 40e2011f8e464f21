package import MeshSimulator

/// The delays of a swarm's broadcasts. The delay of a broadcast is the time from the call of `broadcast` until its last
/// receiver reports the message.
///
/// A broadcast that is never delivered to all of its receivers has no delay, and stays incomplete. At most `limit`
/// broadcasts are incomplete. If one more begins, all earlier incomplete ones are discarded.
package struct BroadcastDelays: Sendable {
    private struct Progress {
        /// The number of receivers minus the number of those that have received the message. The number of receivers
        /// counts as 0 until it is known, so the difference may be negative until then.
        var missing = 0
        var delay = Duration.zero
    }

    /// The broadcasts that have not reached all receivers. Each key is the time of the call of `broadcast`.
    private var incomplete: [Duration: Progress] = [:]
    /// The delays of the broadcasts that have reached all receivers.
    private(set) package var toLast = Distribution()

    package init() {}

    /// Notes that a receiver has received a broadcast.
    ///
    /// - Parameters:
    ///   - time: The time of the call of `broadcast`, which identifies the broadcast.
    ///   - delay: The time from the call until this receiver reported the message.
    package mutating func noteDelivery(ofBroadcastAt time: Duration, delay: Duration) {
        change(time) { progress in
            progress.missing -= 1
            progress.delay = max(progress.delay, delay)
        }
    }

    /// Notes the number of receivers of a broadcast. Some of them may have received the message before this call.
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
