internal import SecureMeshCore

/// What a lying server makes up, with keys of its own for those who do not exist.
struct FalseDirectory {
    let epoch: UInt64
    private let context: SigningContext
    private let key: SigningKey
    private let parameters: Welcome.Parameters
    /// In the place of the keys that peers have bound.
    private let falseSecret: Secret32
    private let falseKey: AgreementPublicKey
    /// Nobody: a member that it has invented, well bound by a key of its own.
    private let nobody: Entry
    private let nobodysKey: SigningKey

    init?(context: SigningContext, key: SigningKey, parameters: Welcome.Parameters, _ reach: inout AttackerActions) {
        self.context = context
        self.key = key
        self.parameters = parameters
        epoch = reach.random.next() | 1
        falseSecret = reach.random.secret()
        falseKey = context.primitives.publicKey(of: falseSecret)
        nobodysKey = SigningKey(seed: reach.random.bytes32().array.span)
        let address = reach.address(Self.nobodysSlot)
        guard let name = try? PeerName("nobody"),
            let peer = ScriptedPeer(
                key: nobodysKey, name: name, path: Path(remote: address), ephemeral: falseSecret, context: context)
        else { return nil }
        nobody = Entry(
            session: reach.random.sessionID { _ in false }, identity: nobodysKey.publicKey, agreementKey: falseKey,
            binding: peer.hello.signature, address: address, name: name)
    }

    func server(
        _ hello: [UInt8], from address: SocketAddress, session: SessionID, _ reach: inout AttackerActions
    ) -> ScriptedServer? {
        ScriptedServer(
            key: key, context: context, hello: hello, from: address, session: session, epoch: epoch,
            ephemeral: reach.random.secret(), parameters: parameters)
    }

    /// How a member is described to `victim`, for as long as it is one.
    func view(of entry: Entry, to victim: DeceivedPeer, among victims: [DeceivedPeer], _ reach: inout AttackerActions)
        -> Entry
    {
        // Its own must be right, or it would never speak.
        guard entry != victim.current?.entry, reach.random.chance(60) else { return entry }
        var view = entry
        let other = reach.random.element(of: victims.compactMap(\.current?.entry))
        switch reach.random.below(6) {
        case 0, 1:
            // Its own key instead of theirs, and its own address: what is sealed by it, it could read.
            view.agreementKey = falseKey
            view.address = reach.address(Self.nobodysSlot + 1 + reach.random.below(100))
        case 2: view.binding = other.binding
        case 3: view.name = other.name
        case 4: view.agreementKey = other.agreementKey
        default: view.address = victims.first { $0.current?.entry == entry }?.decoy ?? view.address
        }
        return view
    }

    /// What `victim` is told of the members.
    func directory(for victim: DeceivedPeer, among victims: [DeceivedPeer], _ reach: inout AttackerActions) -> [Entry] {
        var entries = victims.compactMap(\.current?.session).compactMap { victim.views[$0] }
        guard !entries.isEmpty, reach.random.chance(30) else { return Self.inOrder(entries) }
        let place = reach.random.below(entries.count)
        let other = reach.random.below(entries.count)
        switch reach.random.below(8) {
        case 0: entries = [victim.current?.entry].compactMap(\.self)
        case 1: entries = []
        case 2: entries[place].agreementKey = falseKey
        case 3: (entries[place].binding, entries[other].binding) = (entries[other].binding, entries[place].binding)
        case 4: (entries[place].session, entries[other].session) = (entries[other].session, entries[place].session)
        case 5: entries.append(nobody)
        case 6:
            // Back from the dead: whom it was told of before, and what it was told then.
            entries += victim.told.filter { told in !entries.contains { $0.identity == told.identity } }
        default: entries.remove(at: place)
        }
        return Self.inOrder(entries)
    }

    /// Who is not `nobody`: that one may say what it likes, as any member.
    func existing(_ entries: [Entry]) -> [Entry] { entries.filter { $0.identity != nobody.identity } }

    /// Whether a message of one of `senders` is sealed with the false key.
    func canOpen(_ flight: Flight, from senders: [Entry]) -> Bool {
        guard let datagram = try? Datagram(decoding: flight.bytes.span) else { return false }
        return senders.contains { sender in
            sender.session.rawValue == flight.from
                && senders.contains { receiver in
                    receiver.session.rawValue == flight.to
                        && pairKey(from: sender, to: receiver, isSending: false).flatMap {
                            context.primitives.open(
                                flight.bytes.span, sealed: datagram.sealed, counter: datagram.header.counter, key: $0)
                        } != nil
                }
        }
    }

    /// Sealed with the false key in the place of the sender's, and signed by nobody's.
    func message(from sender: Entry, to receiver: Entry, counter: UInt64) -> [UInt8]? {
        guard let pair = pairKey(from: sender, to: receiver, isSending: true) else { return nil }
        return ForgedDatagram(
            .message, to: receiver.session.rawValue, from: sender.session.rawValue,
            counter: counter % ProtocolConstants.counterLimit,
            payload: PeerMessage(audience: nil, number: 1, body: [1]).encoded, signer: nobodysKey, context: context,
            key: pair
        ).bytes
    }

    /// Of which one end has the false key.
    private func pairKey(from sender: Entry, to receiver: Entry, isSending: Bool) -> Secret32? {
        let theirs = isSending ? receiver : sender
        guard let secret = context.primitives.agree(falseSecret, theirs.agreementKey) else { return nil }
        let a = PairEnd(sender.session, sender.identity, isSending ? falseKey : sender.agreementKey)
        let b = PairEnd(receiver.session, receiver.identity, isSending ? receiver.agreementKey : falseKey)
        return PairEnd.key(secret, epoch: epoch, from: a, to: b, server: context.server)
    }

    /// Ascending, and each session once: otherwise nobody would even read it.
    private static func inOrder(_ entries: [Entry]) -> [Entry] {
        let sorted = entries.sorted { $0.session < $1.session }
        return sorted.enumerated().filter { index, entry in index == 0 || sorted[index - 1].session != entry.session }
            .map(\.element)
    }

    private static let nobodysSlot = 100
}

extension [Entry] {
    func randomly(_ random: inout RandomSource) -> Entry? {
        isEmpty ? nil : random.element(of: self)
    }
}
