internal import Logging

/// Logs the number of refused datagrams for each reason. A log line names the source of its datagrams if they all came
/// from one host. After a flood of refusals, its totals are logged.
///
/// It is a class because the driver reads it twice after every datagram, and would copy a structure each time.
final class RefusalLog {
    /// The senders of the datagrams that one log line counts.
    private enum Source {
        case address(SocketAddress)
        /// One host that sends from several ports.
        case host(SocketAddress.IP)
        case several

        mutating func add(_ other: SocketAddress) {
            switch self {
            case .address(let address) where address == other: break
            case .address(let address) where address.ip == other.ip: self = .host(other.ip)
            case .host(let ip) where ip == other.ip: break
            default: self = .several
            }
        }

        var description: String? {
            switch self {
            case .address(let address): address.description
            case .host(let ip): String(SocketAddress(ip: ip, port: 0).description.dropLast(":0".count))
            case .several: nil
            }
        }
    }

    private var unusual = CounterLog<Rejection>()
    private var everyday = CounterLog<Rejection>()
    /// For each reason, the senders of the datagrams that were refused since the last log line about the reason.
    private var sources: [Rejection: Source] = [:]
    private var seen: UInt64 = 0
    private var reported: UInt64 = 0

    /// The time at which a log line may be due even if no further datagram is refused; nil if there is no such time.
    var deadline: Instant? { .earlier(unusual.deadline, everyday.deadline) }

    /// Notes the sender of the datagram that was just handled, if the datagram was refused.
    ///
    /// - Parameters:
    ///   - total: The number of all refused datagrams since the start.
    ///   - last: The reason of the newest refusal.
    func note(total: UInt64, _ last: Rejection?, from source: SocketAddress) {
        guard total != seen else { return }
        seen = total
        guard let reason = last else { return }
        if sources[reason] == nil {
            sources[reason] = .address(source)
        } else {
            sources[reason]?.add(source)
        }
    }

    /// Returns true if a log line may be due. The check is quick, because it runs after every pass of the event loop,
    /// and most passes refuse no datagram.
    ///
    /// - Parameter total: The number of all refused datagrams since the start.
    func isDue(total: UInt64, now: Instant) -> Bool {
        total != reported || unusual.isDue(now) || everyday.isDue(now)
    }

    /// Logs the lines that are due.
    func log(_ counters: RejectionCounters, to logger: Logger, now: Instant) {
        guard isDue(total: counters.total, now: now) else { return }
        reported = counters.total
        let all = counters.nonZero.map { ($0.rejection, $0.count) }
        let (rare, common) = (all.filter { !$0.0.isEveryday }, all.filter { $0.0.isEveryday })
        Self.log(&unusual, &sources, rare, at: .notice, to: logger, now)
        Self.log(&everyday, &sources, common, at: .debug, to: logger, now)
    }

    private static func log(
        _ log: inout CounterLog<Rejection>, _ sources: inout [Rejection: Source], _ counts: [(Rejection, UInt64)],
        at level: Logger.Level, to logger: Logger,
        _ now: Instant
    ) {
        for (reason, count) in log.take(counts, now: now) {
            var metadata: Logger.Metadata = ["reason": "\(reason.rawValue)", "count": .stringConvertible(count)]
            if let source = sources.removeValue(forKey: reason)?.description { metadata["source"] = "\(source)" }
            logger.log(level: level, "refused datagrams", metadata: metadata)
        }
        guard let totals = log.takeTotals(counts, now: now) else { return }
        logger.log(level: level, "refusals ended", metadata: totals.metadata { "refused.\($0.rawValue)" })
    }
}

extension CounterLog.Totals {
    /// Returns the metadata of the log line about a flood: the total, the duration in whole seconds, and the count of
    /// each reason.
    ///
    /// - Parameter key: Returns the key for the count of a reason.
    func metadata(key: (Reason) -> String) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "total": .stringConvertible(total), "seconds": .stringConvertible(duration.components.seconds),
        ]
        for (reason, count) in counts { metadata[key(reason)] = .stringConvertible(count) }
        return metadata
    }
}
