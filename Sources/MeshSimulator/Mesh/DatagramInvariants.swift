internal import SecureMeshCore

/// The invariants of datagrams: how they are made, refused, accepted and answered.
extension Invariants {
    /// Checks a datagram that a machine has sent.
    mutating func sent(_ flight: Flight, now: Instant) {
        guard isClose else { return }
        let involved = [flight.senderIndex].compactMap(\.self)
        guard let header = try? Datagram(decoding: flight.bytes.span).header else {
            return fail("sent a datagram that does not decode", peers: involved, now: now)
        }
        let kind = header.kind
        if kind != .message, flight.bytes.count > ProtocolConstants.maximumDatagram {
            fail("sent a \(kind) of \(flight.bytes.count) bytes", peers: involved, now: now)
        }
        if kind.isFromServer != (flight.sender == .server) {
            fail("\(flight.sender) sent a \(kind)", peers: involved, now: now)
        }
        if flight.sender != .server, kind != .message, kind != .ack, flight.destination != Addresses.server {
            fail("sent a \(kind) to \(flight.destination)", peers: involved, now: now)
        }
        if checksNonces { checkNonce(of: header, flight.bytes, involved, now) }
        guard let identity = flight.identity else { return }
        if kind == .confirm { confirms(header.from, by: identity) }
        if kind == .leave { leavers.insert(identity) }
    }

    /// Checks, as far as the datagrams show it, that no two plaintexts are sealed with the same key and nonce. An
    /// honest server never uses a session ID twice, so the two IDs in a header stand for one key.
    private mutating func checkNonce(of header: Header, _ bytes: [UInt8], _ involved: [Int], _ now: Instant) {
        switch header.kind {
        case .hello, .welcome, .reject, .resume:
            var clear: [UInt8] = []
            header.fields.appendClear(to: &clear)
            if let earlier = handshakes.updateValue(bytes, forKey: clear), earlier != bytes {
                fail("\(header.kind): one key and nonce for two plaintexts", peers: involved, now: now)
            }
        case .retry: break
        case .confirm, .heartbeat, .leave, .pulse, .snapshot, .delta, .goodbye, .message, .ack:
            let last = counters.updateValue(header.counter, forKey: Direction(to: header.to, from: header.from)) ?? 0
            if header.counter <= last {
                fail("\(header.kind): counter \(header.counter) after \(last)", peers: involved, now: now)
            }
        }
    }

    /// The state of a machine, as far as its public properties show it.
    struct View: Hashable {
        private(set) var glance: Glance
        let session: UInt64
        let isTrusted: Bool

        /// - Parameter glance: The glance. Its `refusals` are left out, because a broken datagram raises them.
        init(glance: Glance, session: UInt64, isTrusted: Bool) {
            self.glance = glance
            self.glance.refusals = 0
            self.session = session
            self.isTrusted = isTrusted
        }
    }

    /// Checks the effect of a datagram on a machine that has handled it.
    ///
    /// - Parameters:
    ///   - peer: The index of the peer that has handled the datagram; nil for the server.
    ///   - before, after: The machine's state before and after the call; nil if `flight` is not broken.
    ///   - refusals: The number of refusals that the machine has counted for the datagram.
    ///   - last: The reason of the newest refusal; nil if nothing was refused, or if the machine may refuse honest
    ///     datagrams.
    /// - Returns: True if the datagram was accepted.
    mutating func handled(
        _ flight: Flight, by peer: Int?, before: View?, after: View?, refusals: UInt64, last: Rejection?,
        answers: [Transmit], now: Instant
    ) -> Bool {
        let isAccepted = refusals == 0
        let involved = [peer, flight.senderIndex].compactMap(\.self)
        let isUsed = last == .counterReplayed && untrusted.has(Int(flight.id))
        if let last, isClose, !isAccepted, !flight.isCopy, flight.isHonest, !hasAccepted(flight), !isUsed,
            last.isNeverHonest
        {
            fail("an honest \(flight.describedKind) was refused: \(last)", peers: involved, now: now)
        }
        if refusals > 1 { fail("one datagram was refused \(refusals) times", peers: involved, now: now) }
        if flight.isBroken {
            // The cookie and tag of a RETRY are not signed: a flipped bit costs a HELLO, and nothing else.
            let isRetry = flight.kind == .retry && peer != nil
            let isAnswered = answers.allSatisfy {
                $0.bytes.count <= flight.bytes.count && $0.bytes[1] == Kind.retry.rawValue
            }
            if isAccepted, !isRetry, answers.isEmpty || !isAnswered {
                fail("a broken datagram was accepted: kind \(flight.describedKind)", peers: involved, now: now)
            }
            if !isRetry, before != after {
                fail("a broken datagram changed state: kind \(flight.describedKind)", peers: involved, now: now)
            }
        }
        // When the machine refuses a datagram for one of these reasons, it has already used up the counter.
        if let last, !isAccepted, last == .deltaNotApplicable || last == .snapshotNotWanted {
            accepted.insert(Int(flight.id))
        }
        // A message that is refused as untrusted may have used up its counter, too.
        if last == .untrusted { untrusted.insert(Int(flight.id)) }
        guard isAccepted, let kind = flight.kind, kind.rawValue >= Kind.confirm.rawValue else { return isAccepted }
        if hasAccepted(flight) { fail("a \(kind) was accepted twice", peers: involved, now: now) }
        accepted.insert(Int(flight.id))
        return true
    }

    /// Notes that a peer buffers the datagram and checks it later. If the datagram then passes, its counter is used up.
    mutating func buffered(_ flight: Flight) { untrusted.insert(Int(flight.id)) }

    /// Returns true if a copy of the datagram has been accepted, however long ago.
    func hasAccepted(_ flight: Flight) -> Bool { accepted.has(Int(flight.id)) }

    /// Checks that the server cannot be used as an amplifier. To an address that is not a member's, the server may only
    /// send answers to a datagram from that address, and the answers must not have more bytes than the datagram.
    ///
    /// - Parameter flight: The datagram that the server has handled; nil after a timeout.
    mutating func answered(
        _ flight: Flight?, with answers: [Transmit], isMember: (SocketAddress) -> Bool, now: Instant
    ) {
        var bytes = 0
        for answer in answers where !isMember(answer.path.remote) {
            guard let flight, answer.path.remote == flight.source else {
                return fail("the server sent to \(answer.path.remote), which has not asked", now: now)
            }
            bytes += answer.bytes.count
        }
        if let flight, bytes > flight.bytes.count {
            fail("\(bytes) bytes to \(flight.source), which is not a member, for \(flight.bytes.count)", now: now)
        }
    }
}

extension Kind {
    /// True if only the server sends datagrams of this kind.
    fileprivate var isFromServer: Bool {
        switch self {
        case .retry, .welcome, .reject, .resume, .pulse, .snapshot, .delta, .goodbye: true
        case .hello, .confirm, .heartbeat, .leave, .message, .ack: false
        }
    }
}
