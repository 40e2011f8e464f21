/// A span of time. The methods of an array of spans, except `merged`, require ascending spans that do not overlap.
struct TimeSpan: Hashable {
    var from: Duration
    var to: Duration

    var length: Duration { to - from }
}

extension [TimeSpan] {
    var total: Duration { reduce(.zero) { $0 + $1.length } }

    /// Returns the spans of time that are in this array and in `others`.
    func intersection(_ others: [TimeSpan]) -> [TimeSpan] {
        var result: [TimeSpan] = []
        var (mine, theirs) = (startIndex, others.startIndex)
        while mine < endIndex, theirs < others.endIndex {
            let from = Swift.max(self[mine].from, others[theirs].from)
            let to = Swift.min(self[mine].to, others[theirs].to)
            if from < to { result.append(TimeSpan(from: from, to: to)) }
            if self[mine].to < others[theirs].to { mine += 1 } else { theirs += 1 }
        }
        return result
    }

    /// Returns the spans of time that are in this array and not in `others`.
    func subtracting(_ others: [TimeSpan]) -> [TimeSpan] {
        var result: [TimeSpan] = []
        var index = others.startIndex
        for span in self {
            var from = span.from
            while index < others.endIndex, others[index].to <= from { index += 1 }
            var next = index
            while next < others.endIndex, others[next].from < span.to {
                if from < others[next].from { result.append(TimeSpan(from: from, to: others[next].from)) }
                from = Swift.max(from, others[next].to)
                next += 1
            }
            if from < span.to { result.append(TimeSpan(from: from, to: span.to)) }
        }
        return result
    }

    /// Returns the spans in ascending order. Spans that are at most `gap` apart become one span.
    func merged(gap: Duration = .zero) -> [TimeSpan] {
        var result: [TimeSpan] = []
        for span in sorted(by: { $0.from < $1.from }) {
            if let last = result.last, span.from - last.to <= gap {
                result[result.count - 1].to = Swift.max(last.to, span.to)
            } else {
                result.append(span)
            }
        }
        return result
    }
}

/// Builds spans from the times at which a state begins and ends.
struct SpanBuilder {
    private(set) var spans: [TimeSpan] = []
    private(set) var since: Duration?

    mutating func begin(at: Duration) {
        if since == nil { since = at }
    }

    mutating func end(at: Duration) {
        guard let from = since else { return }
        since = nil
        if from < at { spans.append(TimeSpan(from: from, to: at)) }
    }
}
