internal import SecureMesh

/// The choice of events that a stream contains.
package struct EventFilter: Sendable, Equatable {
    /// The kinds of events that are accepted; nil for all kinds.
    package var kinds: Set<ControlEvent.Kind>?
    /// The names of the members whose events are accepted; nil to accept the events of all members, and events that
    /// concern no member.
    package var names: Set<String>?

    package init(kinds: Set<ControlEvent.Kind>? = nil, names: Set<String>? = nil) {
        self.kinds = kinds
        self.names = names
    }

    /// Parses the query of `GET /v1/events`: `event=KIND,…` and `name=NAME,…`. Both may be repeated.
    package init(_ query: ControlRequest.Query) throws(ControlError) {
        for (key, value) in query {
            let values = value.split(separator: ",").map(String.init)
            switch key {
            case "event":
                var kinds: Set<ControlEvent.Kind> = []
                for value in values {
                    guard let kind = ControlEvent.Kind(rawValue: value) else {
                        let known = ControlEvent.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                        throw ControlError(.badRequest, "no such event", hint: "an event is one of \(known)")
                    }
                    kinds.insert(kind)
                }
                self.kinds = kinds.union(self.kinds ?? [])
            case "name":
                for value in values where (try? PeerName(value)) == nil {
                    throw ControlError(.badRequest, "a name is 1 to 32 characters of A-Z a-z 0-9 . _ -")
                }
                names = Set(values).union(names ?? [])
            default: throw ControlError(.badRequest, "the query has an unknown key")
            }
        }
    }

    /// Returns true if the filter lets the event through. Every filter lets the event `missed` through.
    package func accepts(_ event: ControlEvent) -> Bool {
        if event.event == .missed { return true }
        if let kinds, !kinds.contains(event.event) { return false }
        if let names, !(event.name.map(names.contains) ?? false) { return false }
        return true
    }

    /// The query from which `init` makes this filter, with the question mark; empty if the filter accepts all events.
    package var query: String {
        let parts = [
            kinds.map { "event=" + $0.map(\.rawValue).sorted().joined(separator: ",") },
            names.map { "name=" + $0.sorted().joined(separator: ",") },
        ].compactMap { $0 }
        return parts.isEmpty ? "" : "?" + parts.joined(separator: "&")
    }
}
