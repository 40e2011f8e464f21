package import SecureMesh

/// Handles requests to send a message or to measure a round trip. A request waits until the peer has joined and the
/// receivers' rate limits allow the message, but no longer than the request's timeout.
extension PeerInspector {
    package func send(_ request: SendRequest) async throws(ControlError) -> SendReport {
        try await send(request, waitingForReceiver: false)
    }

    /// Sends a message.
    ///
    /// - Parameter waitsForReceiver: True to wait until the receiver is a member. A peer that has just joined may not
    ///   know all members yet.
    package func send(
        _ request: SendRequest, waitingForReceiver waitsForReceiver: Bool
    ) async throws(ControlError) -> SendReport {
        let body = request.bytes
        let receiver = try request.to.map { text throws(ControlError) in try Self.name(text) }
        let time = Self.time(request.timeoutMilliseconds)
        return try await attempt(receiver, within: time, waitingForReceiver: waitsForReceiver) {
            left throws(DeliveryError) in
            switch (receiver, request.acknowledge ?? true) {
            case (let name?, true):
                let member = try await self.member(name)
                do throws(DeliveryError) {
                    try await self.peer.send(body, to: member, waitingForDelivery: left)
                    return SendReport(asked: 1, delivered: [member.name.description])
                } catch .notAcknowledged {
                    return self.report(asked: 1, delivered: [], missing: [member])
                }
            case (nil, true):
                return self.report(of: try await self.peer.broadcast(body, waitingForDelivery: left))
            case (let name?, false):
                let member = try await self.member(name)
                do throws(SendError) { try await self.peer.send(body, to: member) } catch { throw .notSent(error) }
                return SendReport(asked: 1, delivered: nil)
            case (nil, false):
                do throws(SendError) {
                    return SendReport(asked: try await self.peer.broadcast(body), delivered: nil)
                } catch {
                    throw .notSent(error)
                }
            }
        }
    }

    package func ping(_ request: PingRequest) async throws(ControlError) -> PingReport {
        let name = try Self.name(request.to)
        return try await attempt(name, within: Self.time(request.timeoutMilliseconds)) { left throws(DeliveryError) in
            let member = try await self.member(name)
            let roundTrip = try await self.peer.measureRoundTrip(to: name, within: left)
            self.note(roundTrip, to: member.publicKey)
            return PingReport(
                name: member.name.description, address: member.address.description,
                fingerprint: member.publicKey.fingerprint, roundTrip: roundTrip.wholeNanoseconds)
        }
    }

    /// Calls `body` with the time that is left of `time`. After each temporary error, waits a short time and calls
    /// `body` again. Throws the last error if it is not temporary, or if `time` would pass during the wait.
    ///
    /// - Parameters:
    ///   - name: The receiver's name, for the text of an error; nil for all members.
    ///   - waitsForReceiver: True to treat an unknown name as a temporary error.
    private func attempt<Report: Sendable>(
        _ name: PeerName?, within time: Duration, waitingForReceiver waitsForReceiver: Bool = false,
        _ body: (_ left: Duration) async throws(DeliveryError) -> Report
    ) async throws(ControlError) -> Report {
        let deadline = ContinuousClock.now + time
        while true {
            let left = deadline - .now
            let pause: Duration
            let failure: DeliveryError
            do throws(DeliveryError) {
                return try await body(max(left, .milliseconds(1)))
            } catch {
                failure = error
            }
            switch failure {
            case .notSent(.notJoined):
                // `isJoined` returns when the time is over, because its task group then cancels the wait.
                guard await isJoined(within: left) else { throw await refusal(failure, name) }
                pause = .milliseconds(1)
            case .notSent(.overRate(let retryAfter)): pause = retryAfter
            case .notSent(.queueFull): pause = .milliseconds(20)
            case .notSent(.unknownMember) where waitsForReceiver: pause = .milliseconds(50)
            default: throw await refusal(failure, name)
            }
            guard deadline - .now > pause, (try? await Task.sleep(for: pause)) != nil else {
                throw await refusal(failure, name)
            }
        }
    }

    private func isJoined(within time: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { [peer] tasks in
            tasks.addTask { (try? await peer.joined()) != nil }
            tasks.addTask {
                try? await Task.sleep(for: max(time, .zero))
                return false
            }
            defer { tasks.cancelAll() }
            return await tasks.next() ?? false
        }
    }

    private func member(_ name: PeerName) async throws(DeliveryError) -> Member {
        do throws(MeshError) {
            if let member = try await peer.member(named: name) { return member }
        } catch {
            throw .notSent(.notRunning)
        }
        // No member is known before the first directory has arrived.
        guard (try? await peer.condition().maySend) == true else { throw .notSent(.notJoined) }
        throw .notSent(.unknownMember)
    }

    /// Returns a report with the names of the members that acknowledged a message, and of the members that did not.
    package func report(of delivery: Delivery) -> SendReport {
        report(asked: delivery.asked, delivered: delivery.acknowledgedBy, missing: delivery.missing)
    }

    private func report(asked: Int, delivered: [Member], missing: [Member]) -> SendReport {
        let gone = gone(missing)
        return SendReport(
            asked: asked, delivered: delivered.map(\.name.description).sorted(),
            unanswered: missing.filter { !gone.contains($0.publicKey) }.map(\.name.description).sorted(),
            gone: missing.filter { gone.contains($0.publicKey) }.map(\.name.description).sorted())
    }

    private func refusal(_ error: DeliveryError, _ name: PeerName?) async -> ControlError {
        guard error != .notSent(.notJoined) else { return await notJoined() }
        return switch error {
        case .notAcknowledged: ControlError(.noAnswer, "no answer\(name.map { " from \($0)" } ?? "") in time")
        case .notSent(.unknownMember): unknownMember(name?.description ?? "")
        case .notSent(.overRate), .notSent(.queueFull):
            ControlError(.busy, "too many messages wait", hint: "send more slowly, or with a longer --timeout")
        case .notSent(.tooLarge(let limit)):
            ControlError(.messageTooLarge, "the message is too large", hint: "it has at most \(limit) bytes")
        case .notSent(.bindingInvalid):
            ControlError(.unknownMember, "the server lies about this member", hint: "do not trust this server")
        default: ControlError(.notRunning, "the peer is ending")
        }
    }

    private func unknownMember(_ name: String) -> ControlError {
        let hint = absence(named: name).map { absence in
            "it left at \(identity.clock.onHost(absence.at)): \(Departure.summaryForMembers(absence.departure))"
        }
        guard name != self.name.description else {
            return ControlError(.unknownMember, "\(name) is this peer itself", hint: "give the name of another member")
        }
        return ControlError(
            .unknownMember, "no member has the name \(name)", hint: hint ?? "'p2p status' lists the members")
    }

    private static func name(_ text: String) throws(ControlError) -> PeerName {
        do {
            return try PeerName(text)
        } catch {
            throw ControlError(.badRequest, "a name is 1 to 32 characters of A-Z a-z 0-9 . _ -")
        }
    }

    private static func time(_ milliseconds: Int?) -> Duration {
        milliseconds.map { .milliseconds($0) } ?? ControlLimits.usualDeliveryTime
    }
}
