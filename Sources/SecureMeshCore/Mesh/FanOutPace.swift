/// The rate of the DELTAs that publish changes, which follows how well the members keep up (PROTOCOL.md, section 6.5).
///
/// A heartbeat is stale if its token is older than the newest PULSE. That PULSE is lost, or it is on its way, or it
/// waits in the member's socket. On an overloaded host or network many heartbeats are stale.
///
/// The rate applies only to full DELTAs, so that more joins are listed at the same cost per join. It falls back to
/// 100 % when the joins end, because the load that members could bear then says little about later.
package struct FanOutPace: Hashable, Sendable {
    /// The rate as a percentage of `Limits.fanOutRate(members:)`: from 100 to `Limits.mostFanOutPace`.
    private(set) package var percent = 100
    private var heartbeats = 0
    private var stale = 0
    private var fullDeltas = 0

    package init() {}

    /// Notes the newest PULSE that a member had received when it sent a heartbeat.
    package mutating func note(_ heard: HeardPulse) {
        heartbeats += 1
        if heard.age > 0 { stale += 1 }
    }

    /// Notes the number of full DELTAs that the waiting changes fill before a flush.
    package mutating func note(fullDeltas: Int) {
        self.fullDeltas = max(self.fullDeltas, fullDeltas)
    }

    /// Adapts the rate, once per heartbeat interval. The rate grows by a quarter if members keep up and changes wait
    /// longer than they would have to. It is halved if many members do not keep up, or if no DELTA was full. It is
    /// 100 % if more than half of the heartbeats are missing.
    ///
    /// - Parameter members: The number of members, each of which sends a heartbeat per interval.
    package mutating func adapt(members: Int) {
        if heartbeats * 2 < members {
            percent = 100
        } else if fullDeltas == 0 || stale * 100 > heartbeats * Self.mostStale {
            percent = max(percent / 2, 100)
        } else if fullDeltas > 1, stale * 100 <= heartbeats * Self.fewStale {
            percent = min(percent * 5 / 4, Limits.mostFanOutPace)
        }
        heartbeats = 0
        stale = 0
        fullDeltas = 0
    }

    /// The percentage of stale heartbeats up to which the rate grows. A heartbeat is sent at a random time between two
    /// PULSEs, so 15 % are stale if the way of a PULSE and of a heartbeat together takes 15 % of an interval.
    private static let fewStale = 15
    /// The percentage of stale heartbeats above which the rate is halved.
    private static let mostStale = 30
}
