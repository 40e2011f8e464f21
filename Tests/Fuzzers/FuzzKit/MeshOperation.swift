import MeshSimulator
import SecureMeshCore

/// What can happen in a `MeshWorld`. Its choices follow it in the input.
enum MeshOperation: CaseIterable {
    // Time.
    case run, leap, fireForNothing
    // The network.
    case deliver, deliverAll, drop, duplicate, replay, replayFromElsewhere, flip, redirect, invent
    // Peers and the server.
    case start, restart, kill, leave, broadcast, send, setRoster, restartServer, stopServer
    // The cheating member.
    case insiderHello, insiderConfirm, insiderHeartbeat, insiderMessage, insiderReseal
    // The end of all this.
    case heal

    /// As in an input: the operation, and its choices.
    func bytes(_ choices: UInt8...) -> [UInt8] {
        let index = Self.allCases.firstIndex(of: self) ?? 0
        return [UInt8(index)] + choices
    }

    func carryOut(in world: inout MeshWorld, _ input: inout FuzzInput) {
        switch self {
        case .run: world.run(input.element(of: Self.runs))
        case .leap: world.leap(input.element(of: Self.leaps))
        case .deliver, .deliverAll, .drop, .duplicate, .replay, .replayFromElsewhere, .flip, .redirect, .invent:
            move(in: &world, &input)
        case .start:
            let index = min(input.below(Self.maximumNodes), world.nodes.count)
            world.start(index, identity: input.below(Self.maximumNodes), at: Pool.address(input.below(8)))
        case .setRoster: world.setRoster(MeshCheck.roster(input.uint16()))
        case .restartServer: world.restartServer()
        case .stopServer: world.stopServer()
        case .fireForNothing, .restart, .kill, .leave, .broadcast, .send:
            if !world.nodes.isEmpty { actOnNode(input.below(world.nodes.count), in: &world, &input) }
        case .insiderHello, .insiderConfirm, .insiderHeartbeat, .insiderMessage, .insiderReseal:
            cheat(input.below(world.insiders.count), in: &world, &input)
        case .heal: world.heal()
        }
    }

    private func actOnNode(_ index: Int, in world: inout MeshWorld, _ input: inout FuzzInput) {
        let node = world.nodes[index]
        switch self {
        case .restart:
            let identity = Pool.keys.firstIndex { $0.publicKey == node.key.publicKey } ?? 0
            world.start(index, identity: identity, at: node.address)
        case .kill: world.kill(index)
        case .fireForNothing: if node.isRunning { world.fireForNothing(index) }
        case .leave: if node.isRunning { world.leave(index) }
        case .broadcast: if node.isRunning { world.speak(index, to: nil, size: Self.size(&input)) }
        case .send:
            let receiver = Pool.keys[input.below(Pool.keys.count)].publicKey
            if node.isRunning { world.speak(index, to: receiver, size: Self.size(&input)) }
        default: break
        }
    }

    /// What a network does, a poor one or a hostile one.
    private func move(in world: inout MeshWorld, _ input: inout FuzzInput) {
        switch self {
        case .deliver: if let flight = world.take(input.below(16)) { world.arrive(flight) }
        case .deliverAll: for flight in world.takeAll() { world.arrive(flight) }
        case .drop: _ = world.take(input.below(16))
        case .duplicate:
            guard let flight = world.take(input.below(16)) else { return }
            world.arrive(flight)
            world.put(flight)
        case .replay:
            if let flight = world.remembered(input.below(96)) { world.arrive(flight) }
        case .replayFromElsewhere:
            guard var flight = world.remembered(input.below(96)) else { return }
            flight.source = Pool.address(input.below(10))
            world.arrive(flight)
        case .flip:
            guard var flight = world.take(input.below(16)) else { return }
            flight.bytes[Int(input.uint16()) % flight.bytes.count] ^= max(input.byte(), 1)
            world.arrive(flight)
        case .redirect:
            guard var flight = world.take(input.below(16)) else { return }
            let index = input.below(12)
            flight.destination = index < 10 ? Pool.address(index) : Pool.serverAddress
            world.put(flight)
        case .invent:
            let bytes = Self.invention(in: world, &input)
            let index = input.below(12)
            world.arrive(
                Flight(
                    source: Pool.address(input.below(10)),
                    destination: index < 8 ? Pool.serverAddress : Pool.address(index - 8), bytes: bytes))
        default: break
        }
    }

    /// A header that is right in every field, and a sealed part that nobody has sealed.
    private static func invention(in world: MeshWorld, _ input: inout FuzzInput) -> [UInt8] {
        let kind = input.element(of: Kind.allCases)
        let sessions = world.nodes.compactMap { $0.machine.session?.rawValue }
        let known = [world.registry.epoch] + sessions + [0, 1]
        let to = input.element(of: known)
        let from = input.element(of: known)
        let counter = input.number(near: kind.isHandshake ? 0 : 1)
        let header = Header(fields(kind, &input), to: to, from: from, counter: counter)
        let size = kind.minimumSize + (kind.isFixedSize ? 0 : input.below(64))
        var bytes = header.encode(size: size)
        bytes.append(contentsOf: input.take(size - bytes.count))
        bytes.append(zeros: size - bytes.count)
        return bytes
    }

    private static func fields(_ kind: Kind, _ input: inout FuzzInput) -> OpenFields {
        func key() -> AgreementPublicKey { Pool.secret(UInt64(input.byte())).agreementPublicKey }
        return switch kind {
        case .hello: .hello(cookie: .zero, ephemeral: key())
        case .retry: .retry(cookie: .zero, rotation: UInt64(input.byte()))
        case .welcome: .welcome(ephemeral: key())
        case .reject: .reject(salt: .zero)
        case .confirm: .confirm
        case .heartbeat: .heartbeat
        case .leave: .leave
        case .pulse: .pulse(echo: 1)
        case .snapshot: .snapshot
        case .delta: .delta
        case .goodbye: .goodbye
        case .message: .message
        }
    }

    private static func size(_ input: inout FuzzInput) -> Int {
        input.element(of: [0, 0, 1, 64, PeerMessage.ordinaryBody - 8, PeerMessage.ordinaryBody])
    }

    private static let maximumNodes = 8
    private static let runs: [Duration] = [10, 100, 500, 1_500, 3_000].map { .milliseconds($0) }
    private static let leaps: [Duration] =
        [1, 20, 250, 500, 750, 1_500, 1_750, 3_000, 5_000, 30_000, 61_000, 3_700_000].map { .milliseconds($0) }
}

// MARK: the cheating member

extension MeshOperation {
    private func cheat(_ index: Int, in world: inout MeshWorld, _ input: inout FuzzInput) {
        let key = world.insiders[index].key.publicKey
        switch self {
        case .insiderHello:
            // Under its own name, mostly; from its own address, mostly.
            let name = input.byte() < 0xC0 ? world.insiders[index].name : Pool.names[input.below(Pool.names.count)]
            let address = Pool.address(input.byte() < 0xC0 ? index + 8 : input.below(10))
            let ephemeral = Pool.secret(world.nextSeed())
            put(world.insiders[index].hello(as: name, from: address, ephemeral: ephemeral), of: index, in: &world)
        case .insiderConfirm:
            guard let draft = world.insiders[index].confirm else { return }
            world.lives(key)
            world.ledger.confirms(draft.from, by: key)
            put(draft.bytes(Self.harm(&input)).bytes, of: index, in: &world)
        case .insiderHeartbeat:
            guard let draft = world.insiders[index].heartbeat(&input) else { return }
            world.lives(key)
            put(draft.bytes(Self.harm(&input)).bytes, of: index, in: &world)
        case .insiderMessage: speak(index, in: &world, &input)
        case .insiderReseal:
            let entries = world.insiders[index].known
            guard !entries.isEmpty else { return }
            let entry = input.element(of: entries)
            if let bytes = world.insiders[index].resealed(for: entry, asItself: input.flag()) {
                put(bytes, of: index, to: entry.address, in: &world)
            }
        default: break
        }
    }

    private func speak(_ index: Int, in world: inout MeshWorld, _ input: inout FuzzInput) {
        let insider = world.insiders[index]
        guard !insider.known.isEmpty, let name = insider.peer?.name else { return }
        let entry = input.element(of: insider.known)
        let audience: PublicKey? = input.element(of: [
            nil, entry.identity, Pool.keys[input.below(Pool.keys.count)].publicKey,
        ])
        let body = world.ledger.body(by: insider.key.publicKey, as: name, to: audience, size: 0)
        let message = PeerMessage(audience: audience, number: input.number(near: 1), body: body)
        guard let draft = world.insiders[index].message(message, to: entry) else { return }
        // Not before the signature: what it signs is what it said.
        let harm = Self.harm(&input)
        put(harm.beforeSigning == nil ? draft.bytes(harm).bytes : draft.bytes, of: index, to: entry.address, in: &world)
    }

    private func put(
        _ bytes: [UInt8], of index: Int, to destination: SocketAddress = Pool.serverAddress, in world: inout MeshWorld
    ) {
        guard let source = world.insiders[index].address else { return }
        world.send(bytes, from: source, to: destination)
    }

    /// Mostly none.
    private static func harm(_ input: inout FuzzInput) -> ForgedDatagram.Tampering {
        var harm = ForgedDatagram.Tampering()
        switch input.byte() {
        case 0xE0..<0xF0: harm.beforeSealing = Mutation(&input)
        case 0xF0...0xFF: harm.beforeSigning = Mutation(&input)
        default: break
        }
        return harm
    }
}
