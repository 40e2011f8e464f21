/// Decides which of the operating system's refusals to send a datagram are reported: at most one per minute for each
/// address.
package struct UnreachableReport: Sendable {
    private var reported: [SocketAddress: Instant] = [:]

    package init() {}

    package var usages: [Usage] { [Usage("unreachable addresses", reported.count, limit: Limits.unreachableAddresses)] }

    /// Returns true if the operating system's refusal to send to the address is to be reported.
    package mutating func isNews(_ address: SocketAddress, now: Instant) -> Bool {
        if let at = reported[address], now - at < Limits.reportInterval { return false }
        if reported.count >= Limits.unreachableAddresses {
            reported = reported.filter { now - $0.value < Limits.reportInterval }
            guard reported.count < Limits.unreachableAddresses else { return false }
        }
        reported[address] = now
        return true
    }
}
