internal import SecureMeshCore

/// An attacker. It knows only what it sees on the network and what its own keys can open.
///
/// An attacker on the path sees every datagram when it is sent, and may withhold or change the datagram. An attacker
/// off the path can only send datagrams. Attackers of both kinds receive the datagrams that are sent to their own
/// addresses.
protocol Adversary: AnyObject {
    /// The number of attempts and successes, as far as the attacker can tell.
    var record: Recording.Attack { get set }
    /// True if the attacker is on the path, so that `intercept` is called for every datagram.
    var isOnPath: Bool { get }

    /// Carries out the part of the attack that is due, such as sending datagrams. The first call is at the beginning of
    /// the attack. `reach.nextAct` sets the time of the next call.
    func act(_ reach: inout AttackerActions)
    /// Returns the datagram to forward in place of `flight`; nil to withhold it.
    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight?
    /// Handles a datagram that was sent to one of the attacker's own addresses.
    func receive(_ flight: Flight, _ reach: inout AttackerActions)
    /// Takes a fact that only the world knows, to measure the success of the attack. The attacker must not use the fact
    /// for anything else.
    func witness(_ fact: Fact)
    /// Takes the members of the server at the end of the world.
    func conclude(_ members: [Member])
}

extension Adversary {
    var isOnPath: Bool { false }
    func act(_ reach: inout AttackerActions) {}
    func intercept(_ flight: Flight, _ reach: inout AttackerActions) -> Flight? { flight }
    func receive(_ flight: Flight, _ reach: inout AttackerActions) {}
    func witness(_ fact: Fact) {}
    func conclude(_ members: [Member]) {}
}

/// The actions of an attacker in one call of an `Adversary` method, and the means for them: the time, the attacker's
/// keys and a random source.
struct AttackerActions {
    let now: Instant
    /// The number of the attacker, which all of its datagrams carry.
    let attacker: Int
    let holdings: AttackerKeys
    var random: RandomSource
    private(set) var outgoing: [(flight: Flight, delay: Duration)] = []
    /// The time until the next call of `act`; nil for no further call.
    var nextAct: Duration?

    var context: SigningContext { holdings.context }
    var primitives: any Primitives { holdings.context.primitives }

    /// Returns one of the attacker's own addresses, by its number.
    func address(_ number: Int) -> SocketAddress { Addresses.slot(Self.firstSlot + attacker << 12 + number) }

    /// Sends bytes that the attacker made, from any address. If `isGarbage` is true, no machine may act on the bytes.
    mutating func send(
        _ bytes: [UInt8], from source: SocketAddress, to destination: SocketAddress = Addresses.server,
        after delay: Duration = .zero, isGarbage: Bool = false
    ) {
        var flight = Flight(
            id: 0, sender: .attacker(attacker), source: source, destination: destination, bytes: bytes, sentAt: now)
        flight.isBroken = isGarbage
        outgoing.append((flight, delay))
    }

    /// Sends a datagram of another sender after a delay.
    ///
    /// - Parameters:
    ///   - source, destination: The new addresses; nil for the addresses of the datagram.
    ///   - isCopy: True if the datagram itself is delivered, too; false if the attacker has withheld the datagram and
    ///     sends it now.
    mutating func forward(
        _ flight: Flight, from source: SocketAddress? = nil, to destination: SocketAddress? = nil,
        after delay: Duration, isCopy: Bool
    ) {
        var flight = flight
        flight.source = source ?? flight.source
        flight.destination = destination ?? flight.destination
        flight.isCopy = flight.isCopy || isCopy
        outgoing.append((flight, delay))
    }

    static let firstSlot = 1 << 22
}

/// The keys that an attacker has from the beginning.
struct AttackerKeys {
    /// An identity on the roster.
    struct Insider {
        let key: SigningKey
        let name: PeerName
    }

    /// The context of the mesh. The primitives in it are not watched, because an attacker may use its own keys as it
    /// likes.
    let context: SigningContext
    /// The server's intervals, which are public.
    let parameters: SessionParameters
    let insider: Insider?
    /// Another identity on the roster, for an attack that needs two; nil for the other attacks.
    let accomplice: Insider?
    /// The server's secret key, if the attacker has stolen it; otherwise nil.
    let serverKey: SigningKey?

    init(
        _ number: Int, of scenario: Scenario, _ context: SigningContext, _ serverKey: SigningKey,
        _ random: inout RandomSource
    ) {
        let strategy = scenario.attacks[number].strategy
        self.context = context
        parameters = SessionParameters(
            heartbeat: scenario.heartbeat, lifetime: scenario.lifetime, trust: scenario.trust, rekey: scenario.rekey)
        let name = strategy.isInsider ? try? PeerName("insider-\(number)") : nil
        insider = name.map { Insider(key: random.signingKey(), name: $0) }
        let other = strategy == .insiderAccomplice ? try? PeerName("accomplice-\(number)") : nil
        accomplice = other.map { Insider(key: random.signingKey(), name: $0) }
        self.serverKey = strategy.isServer ? serverKey : nil
    }
}

/// A fact by which an attacker measures its success.
enum Fact {
    /// A machine has handled a datagram that this attacker has sent, altered or delayed.
    case handled(Handling)
    /// A member has joined.
    case joined(Arrival)
    case left(Parting)
    /// The peer with this index still trusts its directory, although the server has accepted no datagram that the peer
    /// sent within the last trust time.
    case trustsTooLong(Int)

    struct Arrival {
        let member: Member
        let at: Instant
        /// The time from which the server has run without a break, and its clock without a jump.
        let serverSteadySince: Instant
        let isRevoked: Bool
    }

    struct Parting {
        let member: Member
        let at: Instant
        let departure: Departure
        /// True if the server expired the member although the member had just proved that it is alive.
        let isWrong: Bool
        /// A member that has given no sign of life since this time must have expired by now.
        let latestSign: Instant
    }
}
