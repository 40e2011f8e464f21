package import SecureMeshCore
internal import Synchronization

/// Forwards all calls of primitives, and adds up the costs of these calls.
package final class MeteredPrimitives: ForwardingPrimitives {
    package let base: any Primitives
    private let costs: Costs
    private let spent = Atomic<Int64>(0)

    package init(_ base: any Primitives, costs: Costs) {
        self.base = base
        self.costs = costs
    }

    /// Returns the CPU time, in nanoseconds, of all primitives that were called since the last call of this function.
    package func take() -> Int64 { spent.exchange(0, ordering: .relaxed) }

    package func note(_ call: PrimitiveCall, bytes: Int) {
        spent.wrappingAdd(costs.of(call) + costs.kibibyte * Int64(bytes) / 1_024, ordering: .relaxed)
    }
}
