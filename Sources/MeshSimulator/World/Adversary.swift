internal import SecureMeshCore

/// Who works against the mesh. It knows what the network shows and what its own keys open, and no more.
///
/// On the path it sees every datagram as it leaves, and may withhold or alter it; off the path it only sends. Where it
/// has an address of its own it hears what is sent there.
protocol Adversary: AnyObject {
    /// What it tried and what it got, as far as it can tell itself.
    var record: Recording.Attack { get set }
    /// Only then `intercept` is asked.
    var isOnPath: Bool { get }

    /// At its own times, the first when it begins.
    func act(_ reach: inout AttackerActions)
    /// Gives what goes on in its stead: nil withholds it.
    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight?
    /// A datagram for one of the addresses that it has taken.
    func receive(_ flight: Flight, _ reach: inout AttackerActions)
    /// What the world, which sees everything, tells it so that it can measure itself. It must not act on it.
    func witness(_ fact: Fact)
    func conclude(_ world: WorldView)
}

extension Adversary {
    var isOnPath: Bool { false }
    func act(_ reach: inout AttackerActions) {}
    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? { flight }
    func receive(_ flight: Flight, _ reach: inout AttackerActions) {}
    func witness(_ fact: Fact) {}
    func conclude(_ world: WorldView) {}
}

/// What an attacker can do in one move.
struct AttackerActions {
    let now: Instant
    /// Its number, and the same for all that it sends.
    let attacker: Int
    let holdings: AttackerKeys
    var random: RandomSource
    private(set) var outgoing: [(flight: Flight, delay: Duration)] = []
    /// When to ask it again; nil: never.
    var nextAct: Duration?

    init(now: Instant, attacker: Int, holdings: AttackerKeys, random: RandomSource) {
        self.now = now
        self.attacker = attacker
        self.holdings = holdings
        self.random = random
    }

    var context: SigningContext { holdings.context }
    var primitives: any Primitives { holdings.context.primitives }

    /// An address of its own: the n-th.
    func address(_ number: Int) -> SocketAddress { Addresses.slot(Self.firstSlot + attacker << 12 + number) }

    /// Bytes of its own making, from any address it likes. `isGarbage`: nobody may act on them.
    mutating func send(
        _ bytes: [UInt8], from source: SocketAddress, to destination: SocketAddress = Addresses.server,
        after delay: Duration = .zero, isGarbage: Bool = false
    ) {
        var flight = Flight(
            id: 0, sender: .attacker(attacker), source: source, destination: destination, bytes: bytes, sentAt: now)
        flight.isBroken = isGarbage
        outgoing.append((flight, delay))
    }

    /// What somebody has sent, again, or later in its stead.
    mutating func forward(_ flight: Flight, after delay: Duration, isCopy: Bool) {
        var flight = flight
        flight.isCopy = flight.isCopy || isCopy
        outgoing.append((flight, delay))
    }

    static let firstSlot = 1 << 22
}

/// What an attacker has from the beginning.
struct AttackerKeys {
    /// An identity on the roster.
    struct Insider {
        let key: SigningKey
        let name: PeerName
    }

    /// The mesh, and primitives that nobody watches: what an attacker does to its own keys is its own affair.
    let context: SigningContext
    /// The server's intervals are no secret.
    let parameters: Welcome.Parameters
    let insider: Insider?
    /// The server's own key, if that is what it stole.
    let serverKey: SigningKey?

    init(
        _ number: Int, of scenario: Scenario, _ context: SigningContext, _ serverKey: SigningKey,
        _ random: inout RandomSource
    ) {
        let strategy = scenario.attacks[number].strategy
        self.context = context
        parameters = Welcome.Parameters(
            heartbeat: scenario.heartbeat, lifetime: scenario.lifetime, trust: scenario.trust, rekey: scenario.rekey)
        let name = strategy.isInsider ? PeerName("insider-\(number)") : nil
        insider = name.map { Insider(key: SigningKey(seed: random.bytes32().array.span), name: $0) }
        self.serverKey = strategy.isServer ? serverKey : nil
    }
}

/// What is true, for attackers to measure themselves against.
enum Fact {
    /// A machine has handled a datagram that this attacker has sent, altered or delayed.
    case handled(Handling)
    /// The server has taken in a member.
    case joined(Arrival)
    case left(Parting)
    /// A peer trusts its directory although the server has last heard it longer ago than trust lasts.
    case trustsTooLong(Int)

    struct Handling {
        let flight: Flight
        /// Nil: the server.
        let by: Int?
        let isAccepted: Bool
        /// A copy of it had been accepted before.
        let isRepeated: Bool
        /// Bytes of answers to a source that is no member's.
        let answered: Int
        /// A message that was delivered, of one who was dead or revoked for longer than anybody may trust it.
        let isBeyondTrust: Bool
    }

    struct Arrival {
        let member: Member
        let at: Instant
        /// The server has run without a break, and its clock without a jump.
        let serverSteadySince: Instant
        let isRevoked: Bool
    }

    struct Parting {
        let member: Member
        let at: Instant
        let departure: Departure
        let diedAt: Instant?
        /// It had just proved that it lives.
        let isWrong: Bool
        /// A member of whom there was no sign since then is gone now.
        let latestSign: Instant

        func isLate(since: Instant) -> Bool { since < latestSign }
    }
}

/// What is true at the end of a world, for attackers to measure themselves against.
struct WorldView {
    let now: Instant
    let server: [Member]
    let names: [PeerName]
    let keys: [PublicKey]
    let isHealed: Bool
}
