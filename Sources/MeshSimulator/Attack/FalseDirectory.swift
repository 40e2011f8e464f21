internal import SecureMeshCore

/// Makes the false directory entries and the false messages that `LyingServer` sends.
struct FalseDirectory {
    let epoch: UInt64
    private let context: SigningContext
    private let key: SigningKey
    private let parameters: SessionParameters
    /// The secret half of an ephemeral key pair of the attacker. False entries contain the public half instead of the
    /// key that the member has signed.
    private let falseSecret: Secret32
    private let falseKey: AgreementPublicKey
    /// The entry of a member that does not exist. The binding in this entry is valid, because the attacker made it with
    /// `nobodysKey`.
    private let nobody: Entry
    private let nobodysKey: SigningKey

    init?(context: SigningContext, key: SigningKey, parameters: SessionParameters, _ reach: inout AttackerActions) {
        self.context = context
        self.key = key
        self.parameters = parameters
        epoch = reach.random.next() | 1
        falseSecret = reach.random.secret()
        falseKey = context.primitives.publicKey(of: falseSecret)
        nobodysKey = reach.random.signingKey()
        let address = reach.address(Self.nobodysSlot)
        guard let name = try? PeerName("nobody") else { return nil }
        var peer = ScriptedPeer(key: nobodysKey, name: name, context: context)
        _ = peer.hello(from: address, ephemeral: falseSecret)
        guard let hello = peer.attempt?.hello else { return nil }
        nobody = Entry(
            session: reach.random.sessionID { _ in false }, identity: nobodysKey.publicKey, agreementKey: falseKey,
            binding: hello.signature, address: address, name: name)
    }

    func server(
        _ hello: [UInt8], from address: SocketAddress, session: SessionID, _ reach: inout AttackerActions
    ) -> ScriptedServer? {
        try? ScriptedServer(
            key: key, context: context, hello: hello, from: address, session: session, epoch: epoch,
            ephemeral: reach.random.secret(), parameters: parameters)
    }

    /// Returns the entry that stands for the member `entry` in every directory for `victim`. Often it is a false entry.
    func view(of entry: Entry, to victim: DeceivedPeer, among victims: [DeceivedPeer], _ reach: inout AttackerActions)
        -> Entry
    {
        // The victim's own entry must be correct, or the victim would send no messages.
        guard entry != victim.current?.entry, reach.random.chance(60) else { return entry }
        var view = entry
        let other = reach.random.element(of: victims.compactMap(\.current?.entry))
        switch reach.random.below(6) {
        case 0, 1:
            // The attacker could read messages that are sealed with this key.
            view.agreementKey = falseKey
            view.address = reach.address(Self.nobodysSlot + 1 + reach.random.below(100))
        case 2: view.binding = other.binding
        case 3: view.name = other.name
        case 4: view.agreementKey = other.agreementKey
        default: view.address = victims.first { $0.current?.entry == entry }?.decoy ?? view.address
        }
        return view
    }

    /// Returns a directory for `victim`, made of the entries in its `views`. With a probability of 30 %, the directory
    /// has one more false change.
    func directory(for victim: DeceivedPeer, among victims: [DeceivedPeer], _ reach: inout AttackerActions) -> [Entry] {
        var entries = victims.compactMap(\.current?.session).compactMap { victim.views[$0] }
        guard !entries.isEmpty, reach.random.chance(30) else { return Self.inOrder(entries) }
        let index = reach.random.below(entries.count)
        let other = reach.random.below(entries.count)
        switch reach.random.below(8) {
        case 0: entries = [victim.current?.entry].compactMap(\.self)
        case 1: entries = []
        case 2: entries[index].agreementKey = falseKey
        case 3: (entries[index].binding, entries[other].binding) = (entries[other].binding, entries[index].binding)
        case 4: (entries[index].session, entries[other].session) = (entries[other].session, entries[index].session)
        case 5: entries.append(nobody)
        case 6:
            // Former members, with their former entries.
            entries += victim.told.filter { told in !entries.contains { $0.identity == told.identity } }
        default: entries.remove(at: index)
        }
        return Self.inOrder(entries)
    }

    /// Returns the entries without `nobody`. A message in the name of this invented member would not count as a
    /// forgery.
    func existing(_ entries: [Entry]) -> [Entry] { entries.filter { $0.identity != nobody.identity } }

    /// Returns true if the attacker can open `flight`: it is a message between two of `senders`, and is sealed with a
    /// key that was agreed with the attacker's false key.
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

    /// Returns a message that is sealed as if the attacker's false key were the key of `sender`, and that is signed by
    /// `nobody`. Returns nil if no key can be agreed.
    func message(from sender: Entry, to receiver: Entry, counter: UInt64) -> [UInt8]? {
        guard let pair = pairKey(from: sender, to: receiver, isSending: true) else { return nil }
        return ForgedDatagram(
            .message, to: receiver.session.rawValue, from: sender.session.rawValue,
            counter: counter % ProtocolConstants.counterLimit,
            payload: PeerMessage(audience: nil, number: 1, body: [1]).encoded, signer: nobodysKey, context: context,
            key: pair
        ).bytes
    }

    /// Returns the key that seals messages from `sender` to `receiver`. One of the two is listed with the attacker's
    /// false key: the sender if `isSending` is true, otherwise the receiver. Returns nil if no key can be agreed.
    private func pairKey(from sender: Entry, to receiver: Entry, isSending: Bool) -> Secret32? {
        let theirs = isSending ? receiver : sender
        guard let secret = context.primitives.agree(falseSecret, theirs.agreementKey) else { return nil }
        let from = PairEnd(sender.session, sender.identity, isSending ? falseKey : sender.agreementKey)
        let to = PairEnd(receiver.session, receiver.identity, isSending ? receiver.agreementKey : falseKey)
        return PairEnd.key(secret, from: from, to: to, mesh: context.mesh)
    }

    /// Returns the entries in ascending order of their sessions, with one entry per session, as the decoder requires.
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
