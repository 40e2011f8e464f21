internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SecureMesh

/// A client of the control socket of another process.
package struct ControlClient: Sendable {
    /// The reason why a request failed.
    package enum Failure: Error {
        /// No process listens at this path.
        case unreachable(String)
        /// The user of this program may not connect to this path, or the process at this path belongs to another user.
        /// Only root may talk to processes of other users.
        case forbidden(String)
        /// The connection ended before the answer was complete, or the answer does not have the format of
        /// docs/control.md.
        case brokenAnswer
        /// The process at this path accepted the connection, but did not begin to answer within this time.
        case noAnswer(String, within: Duration)
        case refused(ErrorReport.Reason)
    }

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// Sends `GET target`. Returns the answer, both decoded and as bytes.
    package func get<Value: Decodable & Sendable>(
        _ target: String, as type: Value.Type
    ) async throws(Failure) -> (value: Value, bytes: [UInt8]) {
        try await answer(.GET, target, body: nil, within: ControlLimits.answerBeginning, as: type)
    }

    /// Sends `POST target`. Returns the answer, both decoded and as bytes.
    ///
    /// - Parameter wait: The longest time that the request allows the process to wait before it answers.
    package func post<Value: Decodable & Sendable>(
        _ target: String, _ body: some Encodable, as type: Value.Type, afterWait wait: Duration = .zero
    ) async throws(Failure) -> (value: Value, bytes: [UInt8]) {
        try await answer(
            .POST, target, body: ControlJSON.encode(body), within: ControlLimits.answerBeginning + wait, as: type)
    }

    /// Sends `GET target`, and passes each line of the answer to `receive`, until `receive` returns false or the
    /// process ends.
    ///
    /// Reads the next line only when `receive` has returned. If `receive` is slow, the process drops events.
    ///
    /// - Parameter onOpen: Called once, before the first line. The answer contains every event that occurs after
    ///   `onOpen` is called.
    package func lines(
        of target: String, onOpen: @Sendable () async -> Void = {},
        _ receive: @Sendable (_ line: [UInt8], ControlEvent) async -> Bool
    ) async throws(Failure) {
        try await exchange(.GET, target, body: nil, within: ControlLimits.answerBeginning) { status, parts in
            guard status == 200 else { throw Self.refusal(try await Self.body(&parts)) }
            await onOpen()
            var line: [UInt8] = []
            while let part = try await parts.next() {
                guard case .body(let bytes) = part else { continue }
                for byte in bytes.readableBytesView {
                    guard byte == UInt8(ascii: "\n") else {
                        line.append(byte)
                        guard line.count <= ControlLimits.answer else { throw Failure.brokenAnswer }
                        continue
                    }
                    // A later version may send events that this one cannot decode. They are skipped.
                    if let event = ControlJSON.decode(ControlEvent.self, from: line) {
                        guard await receive(line, event) else { return }
                    }
                    line = []
                }
            }
        }
    }

    private func answer<Value: Decodable & Sendable>(
        _ method: HTTPMethod, _ target: String, body: [UInt8]?, within limit: Duration, as type: Value.Type
    ) async throws(Failure) -> (value: Value, bytes: [UInt8]) {
        try await exchange(method, target, body: body, within: limit) { status, parts in
            let bytes = try await Self.body(&parts)
            guard status == 200 else { throw Self.refusal(bytes) }
            guard let value = ControlJSON.decode(type, from: bytes) else { throw Failure.brokenAnswer }
            return (value, bytes.last == UInt8(ascii: "\n") ? Array(bytes.dropLast()) : bytes)
        }
    }

    private static func refusal(_ bytes: [UInt8]) -> Failure {
        ControlJSON.decode(ErrorReport.self, from: bytes).map { .refused($0.error) } ?? .brokenAnswer
    }

    private typealias Parts = NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator

    private static func body(_ parts: inout Parts) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let part = try await parts.next() {
            switch part {
            case .body(let buffer): bytes += buffer.readableBytesView
            case .end: return bytes
            case .head: break
            }
            guard bytes.count <= ControlLimits.answer else { break }
        }
        throw Failure.brokenAnswer
    }

    /// Sends a request, and calls `read` with the status of the answer and the parts that follow the answer's head.
    private func exchange<Value: Sendable>(
        _ method: HTTPMethod, _ target: String, body: [UInt8]?, within limit: Duration,
        _ read: (_ status: Int, inout Parts) async throws -> Value
    ) async throws(Failure) -> Value {
        let connection: Connection
        let listenerUser: EventLoopFuture<UInt32>
        do {
            (connection, listenerUser) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(unixDomainSocketPath: path) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        try channel.pipeline.syncOperations.addHandler(AnswerTimer(limit: limit))
                        let user = channel.eventLoop.makePromise(of: UInt32.self)
                        try channel.pipeline.syncOperations.addHandler(ListenerUser(user))
                        return (try Connection(wrappingChannelSynchronously: channel), user.futureResult)
                    }
                }
        } catch {
            let isDenied = SystemError(error)?.isDenied == true
            throw isDenied ? .forbidden(path) : .unreachable(path)
        }
        do {
            return try await connection.executeThenClose { inbound, outbound in
                // A program of another user must not read the request. A p2p process of another user would refuse this
                // client anyway.
                let user = try await listenerUser.get()
                guard user == SocketFiles.user || SocketFiles.user == 0 else { throw Failure.forbidden(path) }
                var headers = HTTPHeaders([("host", "p2p"), ("connection", "close")])
                if let body {
                    headers.add(name: "content-type", value: "application/json")
                    headers.add(name: "content-length", value: String(body.count))
                }
                // The request is one write. The process may close the connection as soon as it has the last byte, and a
                // later write would then fail.
                var request: [HTTPClientRequestPart] = [
                    .head(HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: headers))
                ]
                if let body { request.append(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
                try await outbound.write(contentsOf: request + [.end(nil)])
                var parts = inbound.makeAsyncIterator()
                guard case .head(let head) = try await parts.next() else { throw Failure.brokenAnswer }
                return try await read(Int(head.status.code), &parts)
            }
        } catch let failure as Failure {
            throw failure
        } catch is AnswerTimer.Expiry {
            throw .noAnswer(path, within: limit)
        } catch {
            throw .brokenAnswer
        }
    }
}
