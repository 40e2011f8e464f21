import MeshSimulator
import SecureMeshCore

/// An operation on a `HostileMesh`. In an input, the number of an operation is followed by the operation's choices.
enum MeshOperation: CaseIterable {
    // These operations let time pass, or call a timer.
    case run, leap, fireForNothing
    // These operations act on the network.
    case deliver, deliverAll, drop, duplicate, replay, replayFromElsewhere, flip, redirect, invent
    // These operations act on peers and the server.
    case start, restart, kill, leave, broadcast, send, setRoster, restartServer, stopServer
    // These operations act for a member that an attacker controls.
    case insiderHello, insiderConfirm, insiderHeartbeat, insiderMessage, insiderReseal
    // This operation ends the attacks.
    case heal

    /// Returns the bytes with which an input encodes this operation and the given choices.
    func bytes(_ choices: UInt8...) -> [UInt8] {
        let index = Self.allCases.firstIndex(of: self) ?? 0
        return [UInt8(index)] + choices
    }

    func carryOut(in mesh: HostileMesh, _ input: inout FuzzInput) {
        switch self {
        case .run: mesh.run(input.element(of: Self.runs))
        case .leap: mesh.leap(input.element(of: Self.leaps))
        case .deliver, .deliverAll, .drop, .duplicate, .replay, .replayFromElsewhere, .flip, .redirect, .invent:
            move(in: mesh, &input)
        case .start:
            let index = min(input.below(Self.maximumPeers), mesh.peers.count)
            mesh.start(index, identity: input.below(Self.maximumPeers), at: Pool.address(input.below(8)))
        case .setRoster: mesh.changeRoster(to: MeshCheck.roster(input.uint16()))
        case .restartServer: mesh.startServer()
        case .stopServer:
            mesh.stopServer()
            mesh.startServer()
        case .fireForNothing, .restart, .kill, .leave, .broadcast, .send:
            if !mesh.peers.isEmpty { actOnPeer(input.below(mesh.peers.count), in: mesh, &input) }
        case .insiderHello, .insiderConfirm, .insiderHeartbeat, .insiderMessage, .insiderReseal:
            cheat(input.below(mesh.insiders.count), in: mesh, &input)
        case .heal: mesh.heal()
        }
    }

    private func actOnPeer(_ index: Int, in mesh: HostileMesh, _ input: inout FuzzInput) {
        let peer = mesh.peers[index]
        switch self {
        case .restart:
            mesh.start(index, identity: peer.identity, at: peer.address)
        case .kill: peer.process.isRunning = false
        case .fireForNothing: if peer.isRunning { mesh.fireForNothing(index) }
        case .leave: if peer.isRunning { mesh.leave(index) }
        case .broadcast: if peer.isRunning { Self.speak(index, to: nil, in: mesh, &input) }
        case .send:
            let receiver = Pool.keys[input.below(Pool.keys.count)].publicKey
            if peer.isRunning { Self.speak(index, to: receiver, in: mesh, &input) }
        default: break
        }
    }

    /// Carries out an operation of the network. It delivers, drops, repeats, changes or redirects a datagram, or
    /// delivers an invented one.
    private func move(in mesh: HostileMesh, _ input: inout FuzzInput) {
        switch self {
        case .deliver: if let flight = mesh.take(input.below(16)) { mesh.arrive(flight) }
        case .deliverAll: for flight in mesh.takeAll() { mesh.arrive(flight) }
        case .drop: _ = mesh.take(input.below(16))
        case .duplicate:
            guard let flight = mesh.take(input.below(16)) else { return }
            mesh.arrive(flight)
            mesh.put(flight.copied)
        case .replay:
            if let flight = mesh.remembered(input.below(96)) { mesh.arrive(flight) }
        case .replayFromElsewhere:
            guard var flight = mesh.remembered(input.below(96)) else { return }
            flight.source = Pool.address(input.below(10))
            mesh.arrive(flight)
        case .flip:
            guard let flight = mesh.take(input.below(16)) else { return }
            let index = Int(input.uint16()) % flight.bytes.count
            let mask = max(input.byte(), 1)
            arrive(flight.broken { $0[index] ^= mask }, in: mesh)
        case .redirect:
            guard var flight = mesh.take(input.below(16))?.copied else { return }
            let index = input.below(12)
            flight.destination = index < 10 ? Pool.address(index) : Addresses.server
            mesh.put(flight)
        case .invent:
            let bytes = Self.invention(in: mesh, &input)
            let index = input.below(12)
            let source = Pool.address(input.below(10))
            let destination = index < 8 ? Addresses.server : Pool.address(index - 8)
            arrive(mesh.stranger(bytes, from: source, to: destination).broken { _ in }, in: mesh)
        default: break
        }
    }

    /// Fires all due timers and then delivers a broken datagram. So if any state changes at the delivery, the datagram
    /// is the cause.
    private func arrive(_ broken: Flight, in mesh: HostileMesh) {
        mesh.play(until: mesh.now)
        mesh.arrive(broken)
    }

    /// Returns a datagram whose header has known session ids and a right length field. Bytes of the input stand in
    /// place of the sealed part, so nobody has sealed them.
    private static func invention(in mesh: HostileMesh, _ input: inout FuzzInput) -> [UInt8] {
        let kind = input.element(of: Kind.allCases)
        let sessions = mesh.peers.compactMap { $0.machine.session?.rawValue }
        let known = [mesh.server.glance.epoch] + sessions + [0, 1]
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
        OpenFields(
            kind, cookie: .zero, ephemeral: Pool.secret(UInt64(input.byte())).agreementPublicKey,
            rotation: UInt64(input.byte()), salt: .zero, echo: 1, token: 2)
    }

    /// Makes a peer send a message. For half of the inputs, the peer asks for acknowledgments.
    private static func speak(
        _ index: Int, to receiver: PublicKey?, in mesh: HostileMesh, _ input: inout FuzzInput
    ) {
        let choice = input.below(2 * sizes.count)
        _ = mesh.speak(
            index, to: receiver, size: sizes[choice % sizes.count],
            acknowledgedWithin: choice < sizes.count ? nil : .seconds(5))
    }

    private static let sizes = [0, 0, 1, 64, PeerMessage.ordinaryBody - 8, PeerMessage.ordinaryBody]

    /// The identity of the first member that an attacker controls.
    private static let firstInsider = 8
    private static let maximumPeers = 8
    private static let runs: [Duration] = [10, 100, 500, 1_500, 3_000].map { .milliseconds($0) }
    private static let leaps: [Duration] =
        [1, 20, 250, 500, 750, 1_500, 1_750, 3_000, 5_000, 30_000, 61_000, 3_700_000].map { .milliseconds($0) }
}

// MARK: the cheating member

extension MeshOperation {
    private func cheat(_ index: Int, in mesh: HostileMesh, _ input: inout FuzzInput) {
        let identity = Self.firstInsider + index
        switch self {
        case .insiderHello:
            // For most inputs, the member uses its own name. For most inputs, it also uses its own address.
            let name = input.byte() < 0xC0 ? mesh.insiders[index].name : Pool.names[input.below(Pool.names.count)]
            let address = Pool.address(input.byte() < 0xC0 ? Self.firstInsider + index : input.below(10))
            let ephemeral = Pool.secret(mesh.state.random.next())
            put(mesh.insiders[index].hello(as: name, from: address, ephemeral: ephemeral), of: index, in: mesh)
        case .insiderConfirm:
            guard let draft = mesh.insiders[index].confirm else { return }
            mesh.lives(identity)
            mesh.state.invariants.confirms(draft.from, by: identity)
            put(draft.bytes(Self.changes(&input)).bytes, of: index, in: mesh)
        case .insiderHeartbeat:
            guard let draft = mesh.insiders[index].heartbeat(&input) else { return }
            mesh.lives(identity)
            put(draft.bytes(Self.changes(&input)).bytes, of: index, in: mesh)
        case .insiderMessage: speak(index, in: mesh, &input)
        case .insiderReseal:
            let entries = mesh.insiders[index].known
            guard !entries.isEmpty else { return }
            let entry = input.element(of: entries)
            if let bytes = mesh.insiders[index].resealed(for: entry, asItself: input.flag()) {
                put(bytes, of: index, to: entry.address, in: mesh)
            }
        default: break
        }
    }

    private func speak(_ index: Int, in mesh: HostileMesh, _ input: inout FuzzInput) {
        let insider = mesh.insiders[index]
        guard !insider.known.isEmpty, let name = insider.attempt?.name else { return }
        let entry = input.element(of: insider.known)
        let audiences = [nil, entry.identity, Pool.keys[input.below(Pool.keys.count)].publicKey]
        let choice = input.below(2 * audiences.count)
        let (audience, asks) = (audiences[choice % audiences.count], choice >= audiences.count)
        let body = mesh.state.invariants.body(
            from: Self.firstInsider + index, as: name, to: audience.flatMap { mesh.state.identities[$0] }, size: 0,
            isRepeated: asks, now: mesh.now)
        let number = input.number(near: 1)
        let message = PeerMessage(
            audience: audience, number: number, flags: asks && number > 0 ? .acknowledge : [], body: body)
        guard let draft = mesh.insiders[index].message(message, to: entry) else { return }
        // A change before signing is not applied here, because it would make a different message that is valid.
        let changes = Self.changes(&input)
        put(
            changes.beforeSigning == nil ? draft.bytes(changes).bytes : draft.bytes, of: index, to: entry.address,
            in: mesh)
    }

    private func put(
        _ bytes: [UInt8], of index: Int, to destination: SocketAddress = Addresses.server, in mesh: HostileMesh
    ) {
        guard let source = mesh.insiders[index].address else { return }
        mesh.route(mesh.stranger(bytes, from: source, to: destination))
    }

    /// Returns the changes to apply to a datagram. For most inputs, there are none.
    private static func changes(_ input: inout FuzzInput) -> ForgedDatagram.Changes {
        var changes = ForgedDatagram.Changes()
        switch input.byte() {
        case 0xE0..<0xF0: changes.beforeSealing = Tampering(&input)
        case 0xF0...0xFF: changes.beforeSigning = Tampering(&input)
        default: break
        }
        return changes
    }
}
