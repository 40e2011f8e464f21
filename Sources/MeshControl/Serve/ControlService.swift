/// The endpoints of the control socket: from a request to what is asked of the process.
struct ControlService: Sendable {
    enum Answer: Sendable {
        case document(status: Int, [UInt8])
        /// A line of JSON per event, until the client closes the connection.
        case events(EventFilter)
    }

    let process: any ControlledProcess

    /// Answers any request. A refusal is an answer as well.
    func answer(_ request: ControlRequest) async -> Answer {
        do throws(ControlError) {
            return try await route(request)
        } catch {
            return .document(status: error.code.status, ControlJSON.encode(ErrorReport(error)))
        }
    }

    private func route(_ request: ControlRequest) async throws(ControlError) -> Answer {
        switch request.path {
        case "/v1/status":
            try require("GET", request)
            return .document(
                status: 200, ControlJSON.encode(await process.status(listsMembers: try listsMembers(request))))
        case "/v1/events":
            try require("GET", request)
            return .events(try EventFilter(request.query))
        case "/v1/send":
            try require("POST", request)
            let body = try decode(SendRequest.self, request)
            guard (body.text == nil) != (body.body == nil) else {
                throw ControlError(.badRequest, "the body has either text or body, which is Base64")
            }
            try checkTimeout(body.timeoutMilliseconds)
            return .document(status: 200, ControlJSON.encode(try await process.send(body)))
        case "/v1/ping":
            try require("POST", request)
            let body = try decode(PingRequest.self, request)
            try checkTimeout(body.timeoutMilliseconds)
            return .document(status: 200, ControlJSON.encode(try await process.ping(body)))
        case "/v1/reload":
            try require("POST", request)
            return .document(status: 200, ControlJSON.encode(try await process.reload()))
        default:
            throw ControlError(.notFound, "no such path", hint: "docs/control.md lists the paths")
        }
    }

    private func require(_ method: String, _ request: ControlRequest) throws(ControlError) {
        guard request.method == method else {
            throw ControlError(.methodNotAllowed, "this path takes \(method) only")
        }
    }

    private func listsMembers(_ request: ControlRequest) throws(ControlError) -> Bool {
        guard let first = request.query.first else { return true }
        guard request.query.count == 1, first.key == "members", ["all", "none"].contains(first.value) else {
            throw ControlError(.badRequest, "the query is members=all or members=none")
        }
        return first.value == "all"
    }

    private func decode<Body: Decodable>(_ type: Body.Type, _ request: ControlRequest) throws(ControlError) -> Body {
        guard let body = ControlJSON.decode(type, from: request.body) else {
            throw ControlError(.badRequest, "the body is not the JSON object that this path takes")
        }
        return body
    }

    private func checkTimeout(_ milliseconds: Int?) throws(ControlError) {
        let most = Int(ControlLimits.deliveryTime.components.seconds) * 1_000
        guard let milliseconds, !(1...most).contains(milliseconds) else { return }
        throw ControlError(.badRequest, "timeoutMilliseconds is 1 to \(most)")
    }
}
