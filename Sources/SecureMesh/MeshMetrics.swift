internal import Metrics

/// Reports the figures of one server or peer to the metrics system of the process, through swift-metrics.
///
/// The labels begin with `securemesh_server_` or `securemesh_peer_`. The only dimension is `reason`. Its values are
/// constants, so received datagrams cannot add values. If the process has no metrics system, nothing is reported. All
/// methods are called on the event loop.
final class MeshMetrics<Machine: MeshMachine> where Machine.Event: MeasuredEvent {
    /// A figure that is computed from the state of the machine.
    struct Figure {
        let label: String
        let value: (Machine, Instant) -> Int
    }

    private let events: [EventCounter: Counter]
    private let figures: [(meter: Meter, value: (Machine, Instant) -> Int)]
    private let received: GrowingCounter
    private let sent: GrowingCounter
    private let refusals: [Rejection: GrowingCounter]
    private let losses: [DatagramLoss: GrowingCounter]

    /// Makes the metrics.
    ///
    /// - Parameters:
    ///   - role: The part of each label that follows `securemesh_`: `server` or `peer`.
    ///   - figures: The figures to compute. Their labels have no prefix.
    init(role: String, figures: [Figure], factory: any MetricsFactory = MetricsSystem.factory) {
        func counter(_ label: String, _ reason: String? = nil) -> Counter {
            Counter(
                label: "securemesh_\(role)_\(label)", dimensions: reason.map { [("reason", $0)] } ?? [],
                factory: factory)
        }
        events = Dictionary(
            uniqueKeysWithValues: Machine.Event.counters.map { ($0, counter($0.label, $0.reason)) })
        self.figures = figures.map { figure in
            (Meter(label: "securemesh_\(role)_\(figure.label)", dimensions: [], factory: factory), figure.value)
        }
        received = GrowingCounter(counter("datagrams_received_total"))
        sent = GrowingCounter(counter("datagrams_sent_total"))
        refusals = Dictionary(
            uniqueKeysWithValues: Rejection.allCases.map {
                ($0, GrowingCounter(counter("datagrams_refused_total", $0.rawValue)))
            })
        losses = Dictionary(
            uniqueKeysWithValues: DatagramLoss.allCases.map {
                ($0, GrowingCounter(counter("datagrams_lost_total", $0.rawValue)))
            })
    }

    /// Counts an event.
    func count(_ event: Machine.Event) {
        if let counter = event.counter { events[counter]?.increment() }
    }

    /// Reports the machine's figures, and the amount by which each count has grown since the last call.
    ///
    /// - Parameters:
    ///   - received: The number of datagrams received since the start.
    ///   - sent: The number of datagrams sent since the start.
    func report(_ machine: Machine, received: UInt64, sent: UInt64, losses lost: DatagramLosses, now: Instant) {
        for figure in figures { figure.meter.set(figure.value(machine, now)) }
        self.received.set(received)
        self.sent.set(sent)
        for (rejection, count) in machine.rejections.nonZero { refusals[rejection]?.set(count) }
        for (loss, count) in lost.nonZero { losses[loss]?.set(count) }
    }
}

/// A counter that is set to a total. It passes each increase to the metrics system, which accepts only increments.
private final class GrowingCounter {
    private let counter: Counter
    private var reported: UInt64 = 0

    init(_ counter: Counter) {
        self.counter = counter
    }

    func set(_ count: UInt64) {
        guard count > reported else { return }
        counter.increment(by: count - reported)
        reported = count
    }
}
