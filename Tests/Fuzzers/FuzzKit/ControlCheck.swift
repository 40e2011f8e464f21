import MeshControl

/// Checks how the control socket reads requests: path, method, query and JSON. The parsing of HTTP is not included.
///
/// An input is a line with a method, a blank and a target, followed by the body. An accepted request must be within the
/// limits. If the request is encoded and decoded again, its meaning must not change. If a request is refused, a client
/// must be able to decode the answer.
package enum ControlCheck {
    package static func failure(of input: [UInt8]) -> String? {
        let parts = input.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        let line = String(decoding: parts[0], as: UTF8.self)
        let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let body = parts.count > 1 ? Array(parts[1]) : []
        guard body.count <= ControlLimits.body else { return nil }
        let request = ControlRequest(method: words[0], target: words.count > 1 ? words[1] : "", body: body)
        do throws(ControlError) {
            return failure(of: try ControlCall(request), request)
        } catch {
            return failure(of: error)
        }
    }

    private static func failure(of call: ControlCall, _ request: ControlRequest) -> String? {
        switch call {
        case .status, .reload: return nil
        case .events(let filter):
            #if FUZZ_CANARY
                // The planted fault: a filter with a name and more than one kind fails.
                if let kinds = filter.kinds, kinds.count > 1, filter.names != nil { return "a planted fault" }
            #endif
            let again = ControlRequest(method: "GET", target: "/v1/events\(filter.query)", body: [])
            return (try? EventFilter(again.query)) == filter ? nil : "the filter has another query: \(filter)"
        case .send(let send):
            guard (send.text == nil) != (send.body == nil) else {
                return "a message that is text and bytes, or neither"
            }
            guard send.bytes.count <= request.body.count else { return "a message of more bytes than the request" }
            if let failure = failure(of: send.timeoutMilliseconds) { return failure }
            let again = ControlJSON.decode(SendRequest.self, from: ControlJSON.encode(send))
            guard let again, again.to == send.to, again.bytes == send.bytes, again.acknowledge == send.acknowledge,
                again.timeoutMilliseconds == send.timeoutMilliseconds
            else { return "the request is another one after it was encoded: \(send)" }
            return nil
        case .ping(let ping):
            if let failure = failure(of: ping.timeoutMilliseconds) { return failure }
            let again = ControlJSON.decode(PingRequest.self, from: ControlJSON.encode(ping))
            return again?.to == ping.to ? nil : "the request is another one after it was encoded: \(ping)"
        }
    }

    private static func failure(of timeoutMilliseconds: Int?) -> String? {
        guard let timeoutMilliseconds else { return nil }
        return (1...60_000).contains(timeoutMilliseconds) ? nil : "a timeout of \(timeoutMilliseconds) ms"
    }

    private static func failure(of error: ControlError) -> String? {
        guard (400..<600).contains(error.code.status), error.exitCode > 0 else { return "no refusal: \(error)" }
        guard let report = ControlJSON.decode(ErrorReport.self, from: ControlJSON.encode(ErrorReport(error))),
            report.error.code == error.code.rawValue, report.error.message == error.message
        else { return "a refusal that nobody can read: \(error)" }
        return nil
    }

    /// Requests to each path. Most of them are valid, and some contain a mistake.
    package static let seeds: [(name: String, input: [UInt8])] = [
        ("status", "GET /v1/status\n"), ("status-none", "GET /v1/status?members=none\n"),
        ("status-twice", "GET /v1/status?members=all&members=none\n"), ("events", "GET /v1/events\n"),
        ("events-filter", "GET /v1/events?event=memberJoined,memberLeft&name=A,B\n"),
        ("events-encoded", "GET /v1/events?event=%6aoined%2cleft&name=%41%2\n"),
        ("events-empty", "GET /v1/events?event=\n"),
        ("send-text", "POST /v1/send\n" + #"{"to":"B","text":"h\u00e9llo","timeoutMilliseconds":500}"#),
        ("send-bytes", "POST /v1/send\n" + #"{"to":null,"body":"/wA=","acknowledge":false}"#),
        ("send-both", "POST /v1/send\n" + #"{"text":"","body":""}"#),
        ("send-late", "POST /v1/send\n" + #"{"text":"","timeoutMilliseconds":60001}"#),
        ("send-number", "POST /v1/send\n" + #"{"text":"","timeoutMilliseconds":1e400}"#),
        ("send-deep", "POST /v1/send\n" + String(repeating: "[", count: 600)),
        ("ping", "POST /v1/ping\n" + #"{"to":"B","timeoutMilliseconds":1}"#), ("reload", "POST /v1/reload\n{}"),
        ("method", "PUT /v1/send\n"), ("path", "GET /v1/none?x\n"), ("blank", "\n"),
    ].map { ($0.0, Array($0.1.utf8)) }
}
