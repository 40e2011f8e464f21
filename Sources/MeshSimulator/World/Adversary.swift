internal import SecureMesh

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
    func act(_ reach: inout Reach)
    /// Gives what goes on in its stead: nil withholds it.
    func intercept(_ flight: Flight, _ reach: inout Reach) -> Flight?
    /// A datagram for one of the addresses that it has taken.
    func receive(_ flight: Flight, _ reach: inout Reach)
    /// What the world, which sees everything, tells it in the end.
    func conclude(_ world: WorldView)
}

extension Adversary {
    var isOnPath: Bool { false }
    func act(_ reach: inout Reach) {}
    func intercept(_ flight: Flight, _ reach: inout Reach) -> Flight? { flight }
    func receive(_ flight: Flight, _ reach: inout Reach) {}
    func conclude(_ world: WorldView) {}
}

/// What an attacker can do in one move.
struct Reach {
    let now: Instant
    /// Its number, and the same for all that it sends.
    let attacker: Int
    let serverKey: PublicKey
    let primitives: any Primitives
    var random: RandomSource
    private(set) var outgoing: [(flight: Flight, delay: Duration)] = []
    /// When to ask it again; nil: never.
    var nextAct: Duration?

    init(now: Instant, attacker: Int, serverKey: PublicKey, primitives: any Primitives, random: RandomSource) {
        self.now = now
        self.attacker = attacker
        self.serverKey = serverKey
        self.primitives = primitives
        self.random = random
    }

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

/// What is true at the end of a world, for attackers to measure themselves against.
struct WorldView {
    let now: Instant
    let server: [Member]
    let names: [PeerName]
    let keys: [PublicKey]
    let isHealed: Bool
}
