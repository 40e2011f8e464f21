/// The results of messages that asked for acknowledgments. A result is kept until the application takes it, or until
/// newer results evict it.
package struct FinishedDeliveries: Sendable {
    private var results: [(number: UInt64, result: DeliveryResult)] = []
    private var receivers = 0

    package init() {}

    package var usages: [Usage] {
        [
            Usage("finished deliveries", results.count, limit: Limits.finishedDeliveries),
            // The newest result is kept whatever its size is.
            Usage(
                "receivers of finished deliveries", receivers, limit: Limits.finishedReceivers + Limits.directoryEntries
            ),
        ]
    }

    package subscript(number: UInt64) -> DeliveryResult? {
        results.last { $0.number == number }?.result
    }

    package mutating func add(_ result: DeliveryResult, for number: UInt64) {
        results.append((number, result))
        receivers += result.asked
        while results.count > Limits.finishedDeliveries || results.count > 1 && receivers > Limits.finishedReceivers {
            receivers -= results.removeFirst().result.asked
        }
    }

    /// Removes the result of a message.
    package mutating func remove(_ number: UInt64) {
        guard let index = results.lastIndex(where: { $0.number == number }) else { return }
        receivers -= results.remove(at: index).result.asked
    }
}
