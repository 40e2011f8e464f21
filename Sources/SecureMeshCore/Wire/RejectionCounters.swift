/// The number of refusals for each reason.
public struct RejectionCounters: Hashable, Sendable {
    private var counts: [Rejection: UInt64] = [:]
    /// The number of refusals for all reasons together.
    public private(set) var total: UInt64 = 0
    /// The reason of the refusal that was counted last; nil if none was counted.
    private(set) package var last: Rejection?

    /// Makes counters that are all 0.
    public init() {}

    /// The number of refusals for the reason `rejection`.
    public subscript(_ rejection: Rejection) -> UInt64 {
        counts[rejection] ?? 0
    }

    /// The reasons with at least one refusal, each with the number of its refusals, in the order of
    /// `Rejection.allCases`.
    public var nonZero: [(rejection: Rejection, count: UInt64)] {
        Rejection.allCases.compactMap { rejection in counts[rejection].map { (rejection, $0) } }
    }

    package mutating func count(_ rejection: Rejection) {
        counts[rejection, default: 0] &+= 1
        total &+= 1
        last = rejection
    }

    /// Adds the counts of `other`, the counters of another state machine.
    package mutating func add(_ other: RejectionCounters) {
        guard other.total > 0 else { return }
        for (rejection, count) in other.nonZero { counts[rejection, default: 0] &+= count }
        total &+= other.total
        last = other.last ?? last
    }
}
