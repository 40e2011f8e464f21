/// The rate of the DELTAs that publish changes. The rate depends on the share of members that keep up (PROTOCOL.md,
/// section 6.5).
///
/// A heartbeat is stale if its token is older than the token of the newest PULSE. Its sender had not received this
/// PULSE yet: the PULSE was lost, was on its way, or waited in the sender's socket. On an overloaded host or network,
/// many heartbeats are stale. While a PULSE is spread (PROTOCOL.md, section 6.8), the PULSE before it counts as the
/// newest.
///
/// A rate above 100 % applies only while the waiting changes fill DELTAs. With full DELTAs, a join costs no more than
/// at 100 %. The rate returns to 100 % when the joins end, because the load that members can bear may change before the
/// next joins.
package struct FanOutPace: Hashable, Sendable {
    /// The rate as a percentage of `Limits.fanOutRate(members:)`, from 100 to `Limits.mostFanOutPace`.
    private(set) package var percent = 100
    private var heartbeats = 0
    private var stale = 0
    private var fullDeltas = 0

    package init() {}

    /// Notes a heartbeat.
    ///
    /// - Parameters:
    ///   - heard: The newest PULSE that the member had received when it sent the heartbeat.
    ///   - isSpreading: True while the newest PULSE is spread. It may not have been sent to this member yet.
    package mutating func note(_ heard: HeardPulse, isSpreading: Bool = false) {
        heartbeats += 1
        if heard.age > (isSpreading ? 1 : 0) { stale += 1 }
    }

    /// Notes the number of full DELTAs that the waiting changes fill. The caller does this just before each flush.
    package mutating func note(fullDeltas: Int) {
        self.fullDeltas = max(self.fullDeltas, fullDeltas)
    }

    /// Adapts the rate. The caller does this once per heartbeat interval.
    ///
    /// If more than half of the heartbeats are missing, the rate is set to 100 %. Otherwise, if many heartbeats were
    /// stale or no DELTA was full, the rate is halved, to no less than 100 %. The rate grows by a quarter if few
    /// heartbeats were stale, and the changes that waited before a flush filled at least two DELTAs.
    ///
    /// - Parameter members: The number of members. Each of them sends one heartbeat per interval.
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

    /// The highest percentage of stale heartbeats at which the rate still grows. A heartbeat is sent at a random time
    /// between two PULSEs. So 15 % of the heartbeats are stale if the round trip takes 15 % of an interval.
    private static let fewStale = 15
    /// The percentage of stale heartbeats above which the rate is halved.
    private static let mostStale = 30
}
