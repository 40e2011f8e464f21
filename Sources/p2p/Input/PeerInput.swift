internal import MeshControl
internal import SecureMesh

/// Executes the commands that a peer reads from standard input, one after another. The answer to each command ends with
/// a line that begins with `ok` or `error`. If the command lists something, the list comes before that line.
struct PeerInput {
    let runner: PeerRunner
    let broadcaster: Broadcaster
    let inspector: PeerInspector
    /// Starts to leave the mesh and to end the process.
    let quit: @Sendable () async -> Void

    /// Reads and executes commands until the input ends. If the input is a terminal, its end works like the command
    /// `quit`.
    func run() async {
        let lines = InputLines()
        if lines.isTerminal { Console.showPrompt() }
        while let line = await lines.next(), !Task.isCancelled {
            switch line {
            case .text(let text): await execute(text)
            case .notUTF8: await Console.resultWithRoom("error the line is not UTF-8")
            case .tooLong: await Console.resultWithRoom("error the line has more than \(InputLines.limit) bytes")
            }
        }
        if lines.isTerminal { await quit() }
    }

    private func execute(_ line: String) async {
        let command: InputCommand
        do throws(InputCommand.Mistake) {
            guard let parsed = try InputCommand.parse(line) else { return Console.repeatPrompt() }
            command = parsed
        } catch {
            return await Console.resultWithRoom("error \(error.message)")
        }
        let answer = await answer(to: command)
        for block in answer.blocks { await Console.resultWithRoom(block) }
        if command == .quit { await quit() }
    }

    private func answer(to command: InputCommand) async -> Answer {
        do throws(PeerRunner.Refusal) {
            switch command {
            case .connect:
                try await runner.connect()
                return .ok("joining")
            case .disconnect:
                try await runner.disconnect()
                return .ok("disconnected")
            case .broadcastOn: return .ok(Self.describe(await broadcaster.resume()))
            case .broadcastOff:
                await broadcaster.stop()
                return .ok("broadcasts are off")
            case .broadcastEvery(let interval): return .ok(Self.describe(await broadcaster.start(every: interval)))
            case .send(let name, let text): return await send(text, to: name, over: try await runner.connected)
            case .all(let text): return await sendToAll(text, over: try await runner.connected)
            case .ping(let name): return await ping(name, over: try await runner.connected)
            case .peers: return await list(try await runner.connected)
            case .status: return .ok(StatusTable(status: await inspector.report(listsMembers: false).status).line)
            case .help:
                let width = InputCommand.list.map(\.synopsis.count).max() ?? 0
                let lines = InputCommand.list.map { synopsis, meaning in
                    synopsis + String(repeating: " ", count: width - synopsis.count + 2) + meaning
                }
                return .ok("\(lines.count) commands", after: lines)
            case .quit: return .ok("leaving")
            }
        } catch {
            return .error(error.message)
        }
    }

    private static func describe(_ interval: Duration) -> String { "broadcasts every \(interval.argument)" }

    private func list(_ peer: MeshPeer) async -> Answer {
        guard let members = try? await peer.members() else { return .error(PeerRunner.Refusal.disconnected.message) }
        let lines = members.map { "\($0.name) \($0.address) \($0.publicKey)" }.sorted()
        return .ok(lines.count == 1 ? "1 member" : "\(lines.count) members", after: lines)
    }

    private func send(_ text: String, to name: PeerName, over peer: MeshPeer) async -> Answer {
        do throws(DeliveryError) {
            try await Self.retrying { () throws(DeliveryError) in
                try await peer.send(text.utf8, to: name, waitingForDelivery: Self.patience)
            }
            return .ok("delivered to \(name)")
        } catch {
            return await refusal(error, to: name, over: peer)
        }
    }

    private func ping(_ name: PeerName, over peer: MeshPeer) async -> Answer {
        do throws(DeliveryError) {
            let roundTrip = try await Self.retrying { () throws(DeliveryError) in
                try await peer.measureRoundTrip(to: name, within: Self.patience)
            }
            return .ok("\(name) answers in \(StatusTable.milliseconds(roundTrip.wholeNanoseconds)) ms")
        } catch {
            return await refusal(error, to: name, over: peer)
        }
    }

    private func refusal(_ error: DeliveryError, to name: PeerName, over peer: MeshPeer) async -> Answer {
        switch error {
        case .notSent(.unknownMember):
            let names = ((try? await peer.members()) ?? []).map(\.name.description)
            return .error("no member \(name)\(InputCommand.suggestion(of: names, for: name.description))")
        case .notAcknowledged: return .error("no answer from \(name)")
        case .notSent(let reason): return .error(Self.describe(reason))
        case .interrupted: return .error(Self.interruption)
        }
    }

    private func sendToAll(_ text: String, over peer: MeshPeer) async -> Answer {
        let delivery: Delivery
        do throws(DeliveryError) {
            delivery = try await Self.retrying { () throws(DeliveryError) in
                try await peer.broadcast(text.utf8, waitingForDelivery: Self.patience)
            }
        } catch {
            switch error {
            case .notSent(let reason): return .error(Self.describe(reason))
            case .notAcknowledged, .interrupted: return .error(Self.interruption)
            }
        }
        switch (delivery.acknowledged, delivery.asked) {
        case (_, 0): return .error("there is no other member")
        case (let count, let all) where count < all:
            let missing = SendCommand.missing(inspector.report(of: delivery))
            return .error("delivered to \(count) of \(all) members; \(missing)")
        case (1, _): return .ok("delivered to 1 member")
        case (let count, _): return .ok("delivered to \(count) members")
        }
    }

    /// Calls `send`. If the peer is not a member yet, or sends too fast for a receiver, calls `send` again later.
    /// Throws the error after `patience` has passed, and throws all other errors at once.
    private static func retrying<Result>(
        _ send: () async throws(DeliveryError) -> Result
    ) async throws(DeliveryError) -> Result {
        let deadline = ContinuousClock.now + patience
        while true {
            do throws(DeliveryError) {
                return try await send()
            } catch {
                let delay: Duration
                switch error {
                case .notSent(.notJoined): delay = .milliseconds(20)
                case .notSent(.overRate(let retryAfter)): delay = retryAfter
                default: throw error
                }
                guard ContinuousClock.now + delay < deadline, (try? await Task.sleep(for: delay)) != nil else {
                    throw error
                }
            }
        }
    }

    private static func describe(_ error: SendError) -> String {
        switch error {
        case .notJoined: "not a member: the server does not answer"
        case .unknownMember: "no such member"
        case .overRate: "too many messages for a receiver; try again"
        case .queueFull: "too many broadcasts wait; try again"
        case .tooLarge(let limit): "the text has more than \(limit) bytes"
        case .bindingInvalid: "the server's entry of the receiver is false"
        case .notRunning, .cancelled: PeerRunner.Refusal.disconnected.message
        }
    }

    private static let interruption = "the peer left the mesh before an answer came"

    /// The longest wait until a message can be sent, and also the longest wait for its acknowledgments after that.
    private static let patience = Duration.seconds(3)
}

extension PeerInput {
    /// The answer to a command. Its last line gives the result. If the command lists something, the lines of the list
    /// come before the result.
    struct Answer: Equatable {
        private var lines: [String]

        static func ok(_ text: String, after list: [String] = []) -> Answer { Answer(lines: list + ["ok \(text)"]) }
        static func error(_ text: String) -> Answer { Answer(lines: ["error \(text)"]) }

        /// The lines of the answer, joined into as few blocks as possible. No other output can be printed within a
        /// block.
        var blocks: [String] {
            var blocks: [String] = []
            var size = 0
            for line in lines {
                if let last = blocks.indices.last, size + line.utf8.count < Self.blockSize {
                    blocks[last] += "\n" + line
                } else {
                    blocks.append(line)
                    size = 0
                }
                size += line.utf8.count + 1
            }
            return blocks
        }

        private static let blockSize = ConsoleQueue.limit / 2
    }
}
