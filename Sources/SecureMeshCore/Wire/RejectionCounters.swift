/// The number of times that each refusal has happened.
public struct RejectionCounters: Hashable, Sendable {
    private var counts: [Rejection: UInt64] = [:]
    /// The number of all refusals.
    public private(set) var total: UInt64 = 0
    /// The refusal that was counted last.
    private(set) package var last: Rejection?

    /// Makes counters that are all 0.
    public init() {}

    /// The number of times that `rejection` has happened.
    public subscript(_ rejection: Rejection) -> UInt64 {
        counts[rejection] ?? 0
    }

    /// The refusals that have happened and their numbers, in the order of declaration.
    public var nonZero: [(rejection: Rejection, count: UInt64)] {
        Rejection.allCases.compactMap { rejection in counts[rejection].map { (rejection, $0) } }
    }

    package mutating func count(_ rejection: Rejection) {
        counts[rejection, default: 0] &+= 1
        total &+= 1
        last = rejection
    }

    /// Adds the numbers of another machine.
    package mutating func add(_ other: RejectionCounters) {
        guard other.total > 0 else { return }
        for (rejection, count) in other.nonZero { counts[rejection, default: 0] &+= count }
        total &+= other.total
        last = other.last ?? last
    }
}
