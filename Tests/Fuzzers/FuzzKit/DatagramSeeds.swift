import MeshSimulator
import SecureMeshCore

/// Datagrams of every kind with valid fields, and with the payload in place of the ciphertext.
package enum DatagramSeeds {
    package static var all: [(name: String, input: [UInt8])] {
        let datagrams = Kind.allCases.flatMap { kind in
            payloads(of: kind).enumerated().map { index, payload in
                ("\(kind)-\(index)", datagram(kind, payload))
            }
        }
        let bodies = Kind.allCases.flatMap { kind in
            payloads(of: kind).enumerated().map { index, payload in
                ("payload-\(kind)-\(index)", [kind.rawValue] + payload)
            }
        }
        let recipes = Kind.allCases.enumerated().map { index, kind in
            ("recipe-\(kind)", [DatagramCheck.recipeMark, UInt8(index), 0] + [UInt8](repeating: 2, count: 40))
        }
        return datagrams + bodies + recipes
    }

    private static func datagram(_ kind: Kind, _ payload: [UInt8]) -> [UInt8] {
        let isHandshake = kind.isHandshake
        let header = Header(
            fields(kind), to: kind == .hello ? 0 : 0x1122_3344_5566_7788,
            from: kind == .hello ? 0 : 0x99AA_BBCC_DDEE_FF00, counter: isHandshake ? 0 : 7)
        var sealed = payload
        sealed.append(zeros: Signature.count + (kind.isSealed ? Kind.tagSize : 0))
        return header.encode(size: kind.sealedOffset + sealed.count) + sealed
    }

    private static func fields(_ kind: Kind) -> OpenFields {
        OpenFields(
            kind, cookie: kind == .hello ? .zero : Bytes16(bytes(1).span),
            ephemeral: AgreementPublicKey(bytes: Bytes32(bytes(2).span)), rotation: 1, salt: Bytes32(bytes(3).span),
            echo: 3, token: 8)
    }

    private static func payloads(of kind: Kind) -> [[UInt8]] {
        switch kind {
        case .hello: names.map { Hello(identity: identity(4), name: $0).encoded }
        case .retry: [[]]
        case .welcome: [welcome(four), welcome(six)]
        case .reject: Reject.Reason.allCases.map { Reject(reason: $0, retrySeconds: 5).encoded }
        case .confirm: [Heartbeat(number: 1, token: 2, version: 0, part: 0).encoded]
        case .heartbeat: [Heartbeat(number: 9, token: 8, version: 7, part: 6).encoded]
        case .resume: [Resume(start: 2, token: 8, directory: 7, parameters: .ordinary).encoded]
        case .leave: [Leave(number: 10).encoded]
        case .pulse:
            [Pulse.Flags.current, .seek, []].map {
                Pulse(number: 9, version: 7, flags: $0, digest: Bytes32(bytes(6).span)).encoded
            }
        case .snapshot:
            [
                Snapshot(version: 1, part: 0, parts: 1, entries: []).encoded,
                Snapshot(version: 7, part: 0, parts: 2, entries: entries(2)).encoded,
                Snapshot(version: 7, part: 1, parts: 2, entries: entries(1)).encoded,
            ]
        case .delta:
            [
                Delta(from: 7, removed: sessions(2), added: []).encoded,
                Delta(
                    from: 7, to: 1 << 16, removed: sessions(1).map { Removal($0, nil) }, added: entries(2)
                ).encoded,
            ]
        case .goodbye: Goodbye.Reason.allCases.flatMap { reason in sessions(1).map { goodbye($0, reason) } }
        case .message:
            [
                PeerMessage(audience: nil, number: 1, body: []).encoded,
                PeerMessage(
                    audience: identity(5), number: 2, flags: .acknowledge, body: Array("A_broadcast_2".utf8)
                ).encoded,
            ]
        case .ack: sessions(1).map { Acknowledgment(audience: identity(4), session: $0, number: 2).encoded }
        }
    }

    private static func goodbye(_ session: SessionID, _ reason: Goodbye.Reason) -> [UInt8] {
        Goodbye(session: session, reason: reason).encoded
    }

    private static func welcome(_ address: SocketAddress) -> [UInt8] {
        sessions(1).flatMap { session in
            Welcome(session: session, token: 2, directory: 3, parameters: .ordinary, address: address).encoded
        }
    }

    /// Returns sessions in ascending order. Entries must be in this order.
    private static func sessions(_ count: UInt64) -> [SessionID] {
        (0..<count).compactMap { SessionID(rawValue: 0x0102_0304_0506_0700 + $0) }
    }

    private static func entries(_ count: UInt64) -> [Entry] {
        sessions(count).enumerated().map { index, session in
            let seed = UInt8(truncatingIfNeeded: 16 + index)
            return Entry(
                session: session, identity: identity(seed),
                agreementKey: AgreementPublicKey(bytes: Bytes32(bytes(seed + 1).span)),
                binding: Signature((bytes(seed + 2) + bytes(seed + 3)).span), address: index % 2 == 0 ? four : six,
                name: names[index % names.count])
        }
    }

    private static func identity(_ seed: UInt8) -> PublicKey { PublicKey(bytes: Bytes32(bytes(seed).span)) }

    /// Returns 32 bytes that are a canonical agreement key.
    private static func bytes(_ seed: UInt8) -> [UInt8] {
        (0..<32).map { seed &* 7 &+ $0 & 0x7F }
    }

    private static let names = ["A", "a.name_of-32-characters-0123456"].compactMap { try? PeerName($0) }
    private static let four = SocketAddress(ip: .v4(0xC000_0201), port: 3001)
    private static let six = SocketAddress(ip: .v6(0x2001_0DB8_0000_0000, 2), port: 3002)
}
