import MeshSimulator
import SecureMeshCore

/// A description of a datagram, which an input determines: kind, signer, key, payload, source, and the changes at each
/// step.
struct AdmissionRecipe {
    enum Receiver: Hashable {
        case server
        case peer(AdmissionBench.Stage)
    }

    let receiver: Receiver
    private(set) var draft: ForgedDatagram
    private(set) var changes = ForgedDatagram.Changes()
    let path: Path
    private(set) var now = AdmissionBench.now
    /// The reason why the receiver must refuse the datagram; nil if there is none. Does not cover faults of the payload
    /// and the effects of `changes`.
    private(set) var flaw: String?

    /// Reads the description of a datagram from an input.
    ///
    /// - Returns: Nil if the bench cannot create such a datagram, which would be a fault of the harness.
    init?(_ input: inout FuzzInput, _ bench: AdmissionBench) {
        let kind = input.element(of: Kind.allCases)
        let steps = input.byte()
        let receivers = Self.receivers(of: kind)
        let natural = receivers.count == 1 ? receivers[0] : receivers[input.flag() ? 1 : 0]
        guard let draft = Self.draft(kind, natural, &input, bench) else { return nil }
        self.draft = draft

        let isRare = { (input: inout FuzzInput) in input.byte() >= Self.rare }
        var flaw: String?
        if isRare(&input) {
            let others: [Receiver] = [.server, .peer(.joining), .peer(.confirming), .peer(.member)]
            receiver = input.element(of: others)
            if !receivers.contains(receiver) { flaw = "it is not for that receiver" }
        } else {
            receiver = natural
        }

        let home = Self.home(of: kind)
        if isRare(&input) {
            path = input.element(of: Self.paths)
            if kind == .hello, !Self.isUsable(path) { flaw = "it comes from an address that cannot be a peer's" }
            if [.confirm, .heartbeat, .leave].contains(kind), path != home { flaw = "it comes from elsewhere" }
            if kind == .resume, path.remote != home.remote { flaw = "it does not come from the server" }
        } else {
            path = home
        }

        if isRare(&input) {
            let signer = input.element(of: Pool.keys + [Pool.server])
            if signer.publicKey != self.draft.signer.publicKey { flaw = "another key has signed it" }
            self.draft.signer = signer
        }
        if isRare(&input), self.draft.key != nil {
            self.draft.key = input.element(of: [
                bench.server.keys.peerToServer, bench.candidate.membership?.keys.serverToPeer, Pool.secret(99),
            ])
            flaw = "another key has sealed it"
        }
        if isRare(&input) {
            self.draft.extra = input.element(of: [
                .transcript(.zero), .binder(Pool.secret(98), server: Pool.server.publicKey),
            ])
            flaw = "its signature is bound to another handshake"
        }
        if isRare(&input) {
            self.draft.context = SigningContext(mesh: Pool.keys[0].publicKey)
            flaw = "it was signed for another mesh"
        }
        if isRare(&input) {
            now = AdmissionBench.now + Self.later
            if kind == .confirm { flaw = "its ticket has expired" }
            if kind == .message || kind == .ack { flaw = "the receiver does not trust its directory anymore" }
        }
        if kind == .resume, [bench.server.epoch, bench.server.session.rawValue, 0].contains(self.draft.from) {
            flaw = "its epoch is not new"
        }
        if let stale = Self.counterFlaw(self.draft, receiver) { flaw = stale }
        self.flaw = flaw

        if steps & 0x80 != 0 { changes.afterSealing = Tampering(&input) }
        if steps & 0x40 != 0 { changes.beforeSealing = Tampering(&input) }
        if steps & 0x20 != 0 { changes.beforeSigning = Tampering(&input) }
        if steps & 0x10 != 0 { changes.header = Self.headerChange(&input, bench) }
    }

    private static func headerChange(_ input: inout FuzzInput, _ bench: AdmissionBench) -> ForgedDatagram.HeaderChange {
        let known = [0, bench.server.epoch, bench.server.session.rawValue, bench.gates.epoch, 1]
        return switch input.below(3) {
        case 0: .to(input.element(of: known))
        case 1: .from(input.element(of: known))
        default: .clear(index: input.below(32), mask: input.byte())
        }
    }

    /// The lowest byte that chooses a fault. An input of zeros therefore makes a valid datagram.
    private static let rare: UInt8 = 0xE0
    private static let later = Duration.seconds(61)
    private static let paths: [Path] = [
        Path(remote: Pool.address(0)), Path(remote: Pool.address(1)), Path(remote: Pool.address(3)),
        Path(remote: Pool.serverAddress), Path(remote: SocketAddress(ip: .v4(0xC633_6410), port: 0)),
        Path(remote: SocketAddress(ip: .v4(0x7F00_0001), port: 4000)),
        Path(remote: SocketAddress(ip: .v4(0xE000_0001), port: 4000)), Path(socket: 1, remote: Pool.address(0)),
    ]

    private static func isUsable(_ path: Path) -> Bool {
        path.socket == 0 && path.remote.isUsable && !path.remote.isLoopback && path.remote != Pool.serverAddress
    }
}

// MARK: sender and receiver

extension AdmissionRecipe {
    /// Returns the receivers for which a kind of datagram is meant.
    private static func receivers(of kind: Kind) -> [Receiver] {
        switch kind {
        case .hello, .confirm, .heartbeat, .leave: [.server]
        case .retry, .welcome, .reject: [.peer(.joining)]
        case .pulse: [.peer(.member), .peer(.confirming)]
        case .resume, .snapshot, .delta, .goodbye, .message, .ack: [.peer(.member)]
        }
    }

    private static func home(of kind: Kind) -> Path {
        switch kind {
        case .hello: Pool.path(0)
        case .confirm: Pool.path(1)
        case .heartbeat, .leave: Pool.path(2)
        case .retry, .welcome, .reject, .resume, .pulse, .snapshot, .delta, .goodbye: Path(remote: Pool.serverAddress)
        case .message, .ack: Pool.path(3)
        }
    }

    /// Returns the reason why the receiver must refuse the datagram's counter; nil if the receiver must accept it. This
    /// is a slow model of `ReplayWindow`.
    private static func counterFlaw(_ draft: ForgedDatagram, _ receiver: Receiver) -> String? {
        if draft.kind.isHandshake { return draft.counter == 0 ? nil : "a handshake has no counter" }
        guard (1..<ProtocolConstants.counterLimit).contains(draft.counter) else { return "its counter is out of range" }
        guard draft.kind != .confirm, receiver != .peer(.confirming) else { return nil }
        if AdmissionBench.heard.contains(draft.counter) { return "its counter has been heard" }
        let newest = AdmissionBench.heard.max() ?? 0
        let isOld = draft.counter < newest && newest - draft.counter >= ProtocolConstants.windowSize
        return isOld ? "its counter is too old" : nil
    }
}

// MARK: the payload

extension AdmissionRecipe {
    private static func draft(
        _ kind: Kind, _ receiver: Receiver, _ input: inout FuzzInput, _ bench: AdmissionBench
    ) -> ForgedDatagram? {
        let server = bench.server
        let newest = AdmissionBench.heard.max() ?? 0
        switch kind {
        case .hello:
            let stranger = input.element(of: bench.strangers)
            guard var draft = stranger.attempt?.hello else { return nil }
            let claimed = input.element(of: [stranger.key, Pool.keys[6], Pool.server])
            draft.signer = claimed
            draft.payload = Hello(identity: claimed.publicKey, name: input.element(of: Pool.names)).encoded
            return draft
        case .retry:
            let cookie = input.take(Bytes16.count) + [UInt8](repeating: 1, count: Bytes16.count)
            return server.retry(cookie: Bytes16(cookie.span), rotation: input.number(near: 1))
        case .welcome:
            var draft = server.welcome
            // A server chooses the session (bytes 0 to 7), the directory id (bytes 16 to 23) and the intervals (bytes
            // 24 to 31). So a WELCOME with other values in these bytes is also valid.
            for index in [0, 1, 7, 16, 23, 24, 25, 26, 27, 28, 29, 30, 31] { draft.payload[index] ^= input.byte() }
            return draft
        case .reject:
            let reject = Reject(reason: input.element(of: Reject.Reason.allCases), retrySeconds: input.uint16())
            return server.reject(reject, salt: Bytes32(Array(repeating: input.byte(), count: 32).span))
        case .confirm:
            let token = (bench.candidate.membership?.welcome.token ?? 0) ^ UInt64(input.byte() / 0xF0)
            let body = Heartbeat(
                number: input.number(near: 1), token: token, version: UInt64(input.byte() / 0xF0),
                part: UInt16(input.byte() / 0xF0))
            return bench.candidate.draft(.confirm, body, counter: input.number(near: 1))
        case .resume:
            var server = bench.server
            var draft = try? server.resume(
                start: max(input.number(near: 1), 1), epoch: input.number(near: 0xE90D), ephemeral: Pool.secret(5))
            // A server chooses the intervals (bytes 24 to 31).
            for index in 24..<32 { draft?.payload[index] ^= input.byte() }
            return draft
        case .heartbeat:
            let body = Heartbeat(
                number: input.number(near: AdmissionBench.number + 1), token: input.number(near: 5),
                version: input.number(near: 1), part: input.uint16())
            return bench.member.draft(.heartbeat, body, counter: input.number(near: newest + 1))
        case .leave:
            let body = Leave(number: input.number(near: AdmissionBench.number + 1))
            return bench.member.draft(.leave, body, counter: input.number(near: newest + 1))
        case .pulse:
            let body = Pulse(
                number: input.number(near: AdmissionBench.number + 1),
                version: input.number(near: AdmissionBench.version),
                flags: Pulse.Flags(rawValue: 1 ^ input.byte() / 0x40), digest: .zero)
            let counter = input.number(near: newest + 1)
            let fields = OpenFields.pulse(echo: input.number(near: 1), token: input.number(near: 5))
            return server.draft(fields, body, counter: counter)
        case .snapshot:
            let body = Snapshot(
                version: input.number(near: AdmissionBench.version), part: UInt16(input.byte() / 0x60),
                parts: 1 + UInt16(input.byte() / 0x60), entries: entries(&input, bench))
            return server.draft(.snapshot, body, counter: input.number(near: newest + 1))
        case .delta:
            let removed = entries(&input, bench).map { Removal($0.session, .expired) }
            let from = input.number(near: AdmissionBench.version)
            let to = from &+ 1 &+ UInt64(input.byte() / 0x40)
            let body = Delta(from: from, to: to, removed: removed, added: entries(&input, bench))
            return server.draft(.delta, body, counter: input.number(near: newest + 1))
        case .goodbye:
            let session = SessionID(rawValue: input.number(near: server.session.rawValue)) ?? server.session
            let body = Goodbye(session: session, reason: input.element(of: Goodbye.Reason.allCases))
            return server.draft(.goodbye, body, counter: input.number(near: newest + 1))
        case .message:
            let audience = input.element(of: [nil, server.entry.identity, bench.speaker.key.publicKey])
            let body = PeerMessage(
                audience: audience, number: input.number(near: 1),
                flags: PeerMessage.Flags(rawValue: input.byte() / 0x40), body: input.take(input.below(64)))
            var speaker = bench.speaker
            return speaker.message(body, to: server.entry, counter: input.number(near: newest + 1))
        case .ack:
            var speaker = bench.speaker
            guard
                var draft = speaker.acknowledgment(
                    of: 1, to: server.entry, counter: input.number(near: newest + 1))
            else { return nil }
            let audience = input.element(of: [server.entry.identity, bench.speaker.key.publicKey])
            let session = SessionID(rawValue: input.number(near: server.session.rawValue)) ?? server.session
            draft.payload =
                Acknowledgment(audience: audience, session: session, number: input.number(near: 1)).encoded
            return draft
        }
    }

    /// Returns some of the known entries. For most inputs, they are in ascending order, as the protocol requires.
    private static func entries(_ input: inout FuzzInput, _ bench: AdmissionBench) -> [Entry] {
        let known = [bench.server.entry, bench.speaker.entry, bench.member.entry, bench.candidate.entry]
            .compactMap(\.self).sorted { $0.session < $1.session }
        let mask = input.byte()
        let some = known.enumerated().filter { mask & 1 << $0.offset != 0 }.map(\.element)
        return mask & 0x80 == 0 ? some : some.reversed()
    }
}
