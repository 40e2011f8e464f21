import FuzzKit
import MeshSimulator
import SecureMesh
import SelfTest
import Testing

/// Functions that exchange datagrams with a server's gates, using the keys in `Fixture`.
extension ServerGates {
    /// Creates gates with the server key of `Fixture`.
    init() {
        self.init(
            key: Fixture.serverKey, bound: SocketAddress(ip: .v4(0), port: 3_000), seed: 1, now: .start)
    }

    /// Returns the reason for which the gates refuse the bytes; nil if they do not refuse them.
    mutating func refusal(of bytes: [UInt8], from path: Path = Fixture.path, now: Instant = .start) -> Rejection? {
        if case .refused(let rejection) = admit(bytes, from: path, now: now) { rejection } else { nil }
    }

    /// Returns the gates' answer to a HELLO if it is a RETRY or a repeated WELCOME; nil for any other result.
    mutating func answer(to bytes: [UInt8], from path: Path = Fixture.path, now: Instant = .start) -> [UInt8]? {
        switch admit(bytes, from: path, now: now) {
        case .hello(.retry(let bytes)), .hello(.repeatedWelcome(let bytes)): bytes
        default: nil
        }
    }

    /// Returns the gates' answer to a HELLO if it is a WELCOME and not a repeated one; nil for any other result.
    mutating func welcome(for hello: [UInt8], from path: Path = Fixture.path, now: Instant = .start) -> [UInt8]? {
        if case .hello(.welcome(let bytes)) = admit(hello, from: path, now: now) { bytes } else { nil }
    }

    /// Returns true if a HELLO passes all gates and is then rejected by the policy, which rejects every peer here. The
    /// rejected HELLO leaves no ticket.
    mutating func isRejected(_ hello: [UInt8], from path: Path = Fixture.path) -> Bool {
        policy.reject = Reject(reason: .full, retrySeconds: 10)
        defer { policy.reject = nil }
        if case .hello(.reject(_, _, .full)) = admit(hello, from: path, now: .start) { return true }
        return false
    }

    /// Returns the newest number in the HEARTBEATs of a member. The next PULSE to that member echoes it.
    mutating func newestNumber(of session: SessionID) throws -> UInt64 {
        let pulse = signer.sign(.pulse(echo: 0, token: 2), Pulse(number: 1, version: 3))
        let transmit = sessions.seal(pulse, for: session)
        let bytes = try #require(transmit).bytes
        return try #require(Datagram(decoding: bytes.span).header.echo)
    }

    /// Exchanges HELLO and WELCOME with the gates.
    ///
    /// - Returns: The peer, after it has opened the WELCOME.
    mutating func welcomed(
        _ joiner: ScriptedPeer? = nil, from path: Path = Fixture.path, now: Instant = .start
    ) throws -> ScriptedPeer {
        var joiner = try joiner ?? .joiner()
        let welcome = welcome(for: try joiner.helloBytes, from: path, now: now)
        try joiner.open(welcome: try #require(welcome))
        #expect(joiner.membership?.welcome.address == path.remote)
        return joiner
    }

    /// Returns the token in the next PULSE to a member.
    mutating func token(for session: SessionID) throws -> UInt64 {
        let transmit = sessions.seal(signer.sign(.pulse(echo: 0, token: 0), Pulse(number: 1, version: 3)), for: session)
        let bytes = try #require(transmit).bytes
        return try #require(Datagram(decoding: bytes.span).header.token)
    }

    /// Exchanges HELLO and WELCOME with the gates, and sends CONFIRM.
    ///
    /// - Returns: The peer, which has become a member.
    mutating func joined(
        _ joiner: ScriptedPeer? = nil, from path: Path = Fixture.path
    ) throws -> ScriptedPeer {
        let member = try welcomed(joiner, from: path)
        guard case .confirm(let ticket) = admit(try member.confirmBytes(), from: path, now: .start) else {
            throw FixtureError(text: "no CONFIRM")
        }
        sessions.begin(ticket, now: .start)
        return member
    }
}

extension ScriptedPeer {
    /// Returns a peer that has created a HELLO.
    static func joiner(
        key: SigningKey = Fixture.peerKey, ephemeral: Secret32 = Fixture.secret(20), cookie: Bytes16 = .zero,
        context: SigningContext = Fixture.context
    ) throws -> ScriptedPeer {
        var peer = ScriptedPeer(key: key, name: try Fixture.name("peer"), context: context)
        _ = peer.hello(from: Fixture.path.remote, ephemeral: ephemeral, cookie: cookie)
        return peer
    }

    var helloBytes: [UInt8] { get throws { try #require(attempt).hello.bytes } }

    func confirmBytes(
        counter: UInt64 = 1, signedBy signer: SigningKey? = nil, _ change: (inout Heartbeat) -> Void = { _ in }
    ) throws -> [UInt8] {
        var body = Heartbeat(number: 1, token: try #require(membership).welcome.token, version: 0, part: 0)
        change(&body)
        return try #require(draft(.confirm, body, counter: counter)).signed(by: signer).bytes
    }

    func heartbeatBytes(
        _ number: UInt64, counter: UInt64, token: UInt64 = 0, signedBy signer: SigningKey? = nil
    ) throws -> [UInt8] {
        let body = Heartbeat(number: number, token: token, version: 1, part: 0)
        return try #require(draft(.heartbeat, body, counter: counter)).signed(by: signer).bytes
    }
}
