import MeshSimulator
import SecureMeshCore

/// The rules of PROTOCOL.md for payloads of datagrams that are signed and sealed with the right keys. This code is
/// independent of the gates. Which payloads are allowed depends on the state of the bench.
struct PayloadRules {
    private let bench: AdmissionBench
    private let recipe: AdmissionRecipe
    private let payload: [UInt8]

    init(_ bench: AdmissionBench, _ recipe: AdmissionRecipe) {
        self.bench = bench
        self.recipe = recipe
        var payload = recipe.draft.payload
        recipe.changes.beforeSigning?.apply(to: &payload)
        self.payload = payload
    }

    /// The reason why the payload must be refused; nil if it must be accepted.
    var flaw: String? {
        let draft = recipe.draft
        switch draft.kind {
        case .hello:
            return judge(Hello.self) { hello in
                if hello.identity == Pool.server.publicKey { return "it claims the server's own key" }
                return hello.identity == draft.signer.publicKey ? nil : "it claims another's key"
            }
        case .retry:
            return payload.isEmpty ? nil : "RETRY has no payload"
        case .welcome:
            return judge(Welcome.self) { $0.session.rawValue == draft.from ? "its session is the epoch" : nil }
        case .reject:
            return judge(Reject.self)
        case .confirm:
            return judge(Heartbeat.self) { confirm in
                guard confirm.token == bench.candidate.membership?.welcome.token else { return "its token is wrong" }
                return confirm.number > 0 && confirm.part == 0 ? nil : "it is no CONFIRM's"
            }
        case .resume:
            return judge(Resume.self) { $0.directory == bench.server.epoch ? nil : "it is of another directory" }
        case .heartbeat:
            return judge(Heartbeat.self, newest: AdmissionBench.number)
        case .leave:
            return judge(Leave.self, newest: AdmissionBench.number)
        case .pulse:
            return judge(Pulse.self, newest: recipe.receiver == .peer(.confirming) ? 0 : AdmissionBench.number)
        case .snapshot:
            return judge(Snapshot.self)
        case .delta:
            return judge(Delta.self)
        case .goodbye:
            return judge(Goodbye.self) { $0.session == bench.server.session ? nil : "it names another session" }
        case .message:
            return judge(PeerMessage.self) { message in
                let isMine = message.audience == nil || message.audience == bench.server.entry.identity
                guard isMine else { return "it is for somebody else" }
                let isNumbered = message.number > 0 || !message.flags.contains(.acknowledge)
                return isNumbered ? nil : "it asks for an ACK of no number"
            }
        case .ack:
            return judge(Acknowledgment.self) { ack in
                let isMine = ack.audience == bench.server.entry.identity && ack.session == bench.server.session
                return isMine ? nil : "it is for somebody else"
            }
        }
    }

    private func judge<Body: NumberedPayload>(_ type: Body.Type, newest: UInt64) -> String? {
        judge(type) { $0.number > newest ? nil : "its number does not rise" }
    }

    private func judge<Body: Payload>(_ type: Body.Type, _ rule: (Body) -> String? = { _ in nil }) -> String? {
        guard let body = try? Body(decoding: payload.span) else { return "its payload is not well formed" }
        guard body.encoded == payload else { return "its payload is not canonical" }
        return rule(body)
    }
}
