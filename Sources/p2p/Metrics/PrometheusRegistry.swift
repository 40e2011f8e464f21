internal import Metrics
internal import Synchronization

/// The metrics of this process, and their text in the format of Prometheus.
///
/// A metric is a number that grows (counter) or a number that is set (gauge). The SecureMesh library uses only these
/// two kinds. If another library reports a distribution of values, the text contains their number and their sum.
final class PrometheusRegistry: MetricsFactory {
    private struct Key: Hashable {
        let label: String
        let dimensions: [[String]]

        /// The names and values of the dimensions, by which the series of one metric are sorted.
        var order: [String] { dimensions.flatMap(\.self) }
    }

    private let series = Mutex<[Key: Series]>([:])

    /// Returns the text of all metrics, sorted by name.
    ///
    /// - Parameter descriptions: The descriptions of the metrics, by the label of each metric.
    func text(describedBy descriptions: [String: String]) -> String {
        let all = series.withLock { $0 }
        var lines: [String] = []
        for (label, group) in Dictionary(grouping: all, by: \.key.label).sorted(by: { $0.key < $1.key }) {
            if let description = descriptions[label] { lines.append("# HELP \(label) \(description)") }
            lines.append("# TYPE \(label) \(group[0].value.kind.rawValue)")
            for (key, series) in group.sorted(by: { $0.key.order.lexicographicallyPrecedes($1.key.order) }) {
                lines += series.samples(named: label, Self.dimensionText(key.dimensions))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func dimensionText(_ dimensions: [[String]]) -> String {
        guard !dimensions.isEmpty else { return "" }
        let texts = dimensions.map { pair in
            let value = pair[1].replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\(pair[0])=\"\(value)\""
        }
        return "{\(texts.joined(separator: ","))}"
    }

    /// Sets a metric to a value. A counter may be set too, if the new value is its total.
    func set(_ label: String, _ kind: MetricKind, _ value: Double, _ dimensions: [(String, String)] = []) {
        make(kind, label, dimensions).set(value)
    }

    private func make(_ kind: MetricKind, _ label: String, _ dimensions: [(String, String)]) -> Series {
        let key = Key(label: label, dimensions: dimensions.map { [$0.0, $0.1] })
        return series.withLock { series in
            if let known = series[key] { return known }
            let new = Series(kind)
            series[key] = new
            return new
        }
    }

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        make(.counter, label, dimensions)
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        make(.gauge, label, dimensions)
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        make(aggregate ? .summary : .gauge, label, dimensions)
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        make(.summary, label, dimensions)
    }

    // Metrics live as long as the process.
    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}
}

/// The kinds of metrics. The names are those of the Prometheus format.
enum MetricKind: String {
    case counter
    case gauge
    case summary
}

/// One metric with one combination of dimensions.
private final class Series: CounterHandler, MeterHandler, RecorderHandler, TimerHandler {
    let kind: MetricKind
    private let state = Mutex((value: 0.0, count: UInt64(0)))

    init(_ kind: MetricKind) {
        self.kind = kind
    }

    func samples(named label: String, _ dimensions: String) -> [String] {
        let (value, count) = state.withLock { $0 }
        guard kind == .summary else { return ["\(label)\(dimensions) \(Self.text(value))"] }
        return ["\(label)_sum\(dimensions) \(Self.text(value))", "\(label)_count\(dimensions) \(count)"]
    }

    /// Returns a number as text, without a fraction if the number is whole.
    private static func text(_ value: Double) -> String {
        Int64(exactly: value).map(String.init) ?? "\(value)"
    }

    private func add(_ amount: Double) {
        state.withLock { $0 = ($0.value + amount, $0.count + 1) }
    }

    func increment(by amount: Int64) { add(Double(amount)) }
    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
    func reset() { state.withLock { $0 = (0, 0) } }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { state.withLock { $0.value = value } }
    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) { kind == .summary ? add(value) : set(value) }
    /// Adds a duration. Prometheus expects seconds, so the duration is converted from nanoseconds.
    func recordNanoseconds(_ duration: Int64) { add(Double(duration) / 1e9) }
}
