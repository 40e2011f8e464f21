/// The endpoints of the control socket. Maps each request to a call of `process`.
struct ControlService: Sendable {
    enum Answer: Sendable {
        case document(status: Int, [UInt8])
        /// A stream with one line of JSON per event, until the client closes the connection.
        case events(EventFilter)
    }

    let process: any ControlledProcess

    /// Answers any request. If the request is refused, the answer contains the error.
    func answer(_ request: ControlRequest) async -> Answer {
        do throws(ControlError) {
            switch try ControlCall(request) {
            case .status(let listsMembers):
                return .document(status: 200, await process.report(listsMembers: listsMembers).json)
            case .events(let filter):
                try process.check(filter)
                return .events(filter)
            case .send(let request): return Self.document(try await process.send(request))
            case .ping(let request): return Self.document(try await process.ping(request))
            case .reload: return Self.document(try await process.reload())
            }
        } catch {
            return .document(status: error.code.status, ControlJSON.encode(ErrorReport(error)))
        }
    }

    private static func document(_ value: some Encodable) -> Answer {
        .document(status: 200, ControlJSON.encode(value))
    }
}
