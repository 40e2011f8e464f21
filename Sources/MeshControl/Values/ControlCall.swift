/// The operation that a request asks a process to perform.
package enum ControlCall: Sendable {
    case status(listsMembers: Bool)
    case events(EventFilter)
    case send(SendRequest)
    case ping(PingRequest)
    case reload

    /// Parses a request: its path, its method, its query and its body.
    package init(_ request: ControlRequest) throws(ControlError) {
        switch request.path {
        case "/v1/status":
            try Self.require("GET", request)
            self = .status(listsMembers: try Self.listsMembers(request))
        case "/v1/events":
            try Self.require("GET", request)
            self = .events(try EventFilter(request.query))
        case "/v1/send":
            try Self.require("POST", request)
            let body = try Self.decode(SendRequest.self, request)
            guard (body.text == nil) != (body.body == nil) else {
                throw ControlError(.badRequest, "the body has either text or body, which is Base64")
            }
            try Self.checkTimeout(body.timeoutMilliseconds)
            self = .send(body)
        case "/v1/ping":
            try Self.require("POST", request)
            let body = try Self.decode(PingRequest.self, request)
            try Self.checkTimeout(body.timeoutMilliseconds)
            self = .ping(body)
        case "/v1/reload":
            try Self.require("POST", request)
            self = .reload
        default:
            throw ControlError(.notFound, "no such path", hint: "docs/control.md lists the paths")
        }
    }

    private static func require(_ method: String, _ request: ControlRequest) throws(ControlError) {
        guard request.method == method else {
            throw ControlError(.methodNotAllowed, "this path takes \(method) only")
        }
    }

    private static func listsMembers(_ request: ControlRequest) throws(ControlError) -> Bool {
        guard let first = request.query.first else { return true }
        guard request.query.count == 1, first.key == "members", ["all", "none"].contains(first.value) else {
            throw ControlError(.badRequest, "the query is members=all or members=none")
        }
        return first.value == "all"
    }

    private static func decode<Body: Decodable>(
        _ type: Body.Type, _ request: ControlRequest
    ) throws(ControlError) -> Body {
        guard let body = ControlJSON.decode(type, from: request.body) else {
            throw ControlError(.badRequest, "the body is not the JSON object that this path takes")
        }
        return body
    }

    private static func checkTimeout(_ milliseconds: Int?) throws(ControlError) {
        let most = Int(ControlLimits.deliveryTime.components.seconds) * 1_000
        guard let milliseconds, !(1...most).contains(milliseconds) else { return }
        throw ControlError(.badRequest, "timeoutMilliseconds is 1 to \(most)")
    }
}
