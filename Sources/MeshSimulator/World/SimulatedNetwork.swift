internal import SecureMeshCore

/// Loses, delays, repeats, reorders and corrupts datagrams, with a random source of its own.
struct SimulatedNetwork {
    var conditions: LinkConditions
    private var partitions: [Int: Partition] = [:]
    private var random: RandomSource
    /// The number of lost datagrams, by reason.
    private(set) var losses: [Recording.Loss: Int] = [:]
    /// The arriving copies of the newest datagram, each with its arrival time.
    private(set) var arrivals: [(flight: Flight, at: Instant)] = []

    init(_ conditions: LinkConditions, random: RandomSource) {
        self.conditions = conditions
        self.random = random
    }

    mutating func begin(_ partition: Partition, number: Int) { partitions[number] = partition }
    mutating func end(partition number: Int) { partitions[number] = nil }
    mutating func calmDown(to calm: LinkConditions) {
        conditions = calm
        partitions = [:]
    }

    mutating func lose(_ loss: Recording.Loss) { losses[loss, default: 0] += 1 }

    /// Decides which copies of a datagram arrive and at which times, and puts them into `arrivals`.
    ///
    /// - Parameters:
    ///   - source, destination: The indices of the peers; nil for the server or a stranger.
    mutating func send(_ flight: Flight, from source: Int?, to destination: Int?, now: Instant) {
        arrivals.removeAll(keepingCapacity: true)
        if flight.bytes.count > conditions.largest { return lose(.tooLarge) }
        // The order of the partitions does not matter, because any of them drops the datagram.
        if !partitions.isEmpty, partitions.values.contains(where: { $0.separates(source, destination) }) {
            return lose(.partitioned)
        }
        if happens(conditions.loss) { return lose(.lost) }
        var flight = flight
        if happens(conditions.corruption) { damage(&flight) }
        arrive(flight, after: delay(), now: now)
        if happens(conditions.duplication) { arrive(flight.copied, after: delay() + delay(), now: now) }
        if happens(conditions.replay) {
            let gap = Duration.milliseconds(1 + random.below(60_000))
            arrive(flight.copied, after: gap + delay(), now: now)
        }
    }

    private mutating func arrive(_ flight: Flight, after delay: Duration, now: Instant) {
        arrivals.append((flight, now + delay))
    }

    private mutating func delay() -> Duration {
        var delay = conditions.latency
        let jitter = conditions.jitter.wholeNanoseconds
        if jitter > 0 { delay += .nanoseconds(Int64(random.below(Int(jitter)))) }
        if happens(conditions.late) {
            delay += .nanoseconds(Int64(random.below(Int(max(conditions.lateness.wholeNanoseconds, 1)))))
        }
        return delay
    }

    private mutating func damage(_ flight: inout Flight) {
        // A second flip could restore a bit that an attacker has flipped.
        guard !flight.bytes.isEmpty, !flight.isBroken else { return }
        flight.bytes[random.below(flight.bytes.count)] ^= 1 << UInt8(random.below(8))
        flight.isBroken = true
    }

    private mutating func happens(_ millionths: Int) -> Bool {
        millionths > 0 && random.below(1_000_000) < millionths
    }
}
