internal import SecureMeshCore

/// The membership of an attacker whose key is on the roster. The attacker joins and sends HEARTBEATs as an honest peer
/// does.
struct InsiderSession {
    var member: ScriptedPeer
    let address: SocketAddress
    private let interval: Duration
    private var helloAt: Instant?
    private var heartbeatAt: Instant?
    private var heardAt: Instant?

    /// Makes a member with one of the attacker's keys. Returns nil if the attacker does not have that key.
    ///
    /// - Parameter isAccomplice: True to use the attacker's second key, which only `InsiderAccomplice` has.
    init?(_ reach: AttackerActions, isAccomplice: Bool = false) {
        guard let insider = isAccomplice ? reach.holdings.accomplice : reach.holdings.insider else { return nil }
        member = ScriptedPeer(key: insider.key, name: insider.name, context: reach.context)
        address = reach.address(isAccomplice ? 1 : 0)
        interval = .milliseconds(Int(reach.holdings.parameters.heartbeatMilliseconds))
    }

    /// Returns true if the attacker is a member: a PULSE has arrived in the last three heartbeat intervals.
    func isIn(_ now: Instant) -> Bool {
        heardAt.map { now - $0 < interval * 3 } ?? false
    }

    /// The other members in the directory.
    var others: [Entry] { member.known.filter { $0.identity != member.key.publicKey } }

    /// Sends a HEARTBEAT if one is due. While the attacker is not a member, sends a HELLO instead if one is due.
    mutating func keep(_ reach: inout AttackerActions) {
        if isIn(reach.now) {
            guard heartbeatAt.map({ reach.now - $0 >= interval }) ?? true else { return }
            heartbeatAt = reach.now
            if let draft = member.heartbeat(version: member.version) { reach.send(draft.bytes, from: address) }
        } else if helloAt.map({ reach.now - $0 >= Self.patience }) ?? true {
            helloAt = reach.now
            reach.send(member.hello(as: member.name, from: address, ephemeral: reach.random.secret()), from: address)
        }
    }

    /// Handles a datagram, and answers a WELCOME with a CONFIRM.
    mutating func hear(_ flight: Flight, _ reach: inout AttackerActions) {
        let session = member.session
        member.hear(flight.bytes)
        if flight.kind == .pulse, flight.to == member.session?.rawValue { heardAt = reach.now }
        if member.session != session, let confirm = member.confirm { reach.send(confirm.bytes, from: address) }
    }

    /// Makes the attacker join again although it is a member.
    mutating func joinAgain() {
        heardAt = nil
        helloAt = nil
    }

    private static let patience = Duration.seconds(1)
}
