package import SecureMeshCore

extension ScriptedPeer {
    /// A message of another member that this peer could open and verify.
    package struct Overheard: Sendable {
        package let sender: Entry
        /// The payload and its signature.
        package let plaintext: [UInt8]
    }

    /// Opens a datagram that was sent to the peer's address, if the peer has the key for it. Keeps the cookie, session,
    /// token, version, members or message that the datagram contains.
    package mutating func hear(_ bytes: [UInt8]) {
        guard let datagram = try? Datagram(decoding: bytes.span), attempt != nil else { return }
        switch datagram.header.fields {
        case .retry(let cookie, _): self.cookie = cookie
        case .welcome: try? open(welcome: bytes)
        case .pulse(_, let token):
            guard let pulse = try? open(Pulse.self, bytes) else { return }
            self.token = token
            version = pulse.version
        case .snapshot:
            if let snapshot = try? open(Snapshot.self, bytes) { learn(snapshot.entries) }
        case .delta:
            guard let delta = try? open(Delta.self, bytes) else { return }
            known.removeAll { entry in delta.removed.contains { $0.session == entry.session } }
            learn(delta.added)
        case .message: overhear(bytes, datagram)
        case .hello, .reject, .confirm, .resume, .heartbeat, .leave, .goodbye, .ack: break
        }
    }

    /// Opens and verifies a datagram that the server has sent in the peer's session.
    package func open<Body: Payload>(_ body: Body.Type, _ bytes: [UInt8]) throws(Rejection) -> Body {
        let datagram = try Datagram(decoding: bytes.span)
        guard let membership, datagram.header.to == membership.session.rawValue else { throw .unknownSession }
        return try Opened<Body>(bytes.span, datagram, key: membership.keys.serverToPeer, by: context.primitives)
            .verified(by: server, in: context).body
    }

    private mutating func learn(_ entries: [Entry]) {
        for entry in entries {
            known.removeAll { $0.session == entry.session || $0.identity == entry.identity }
            known.append(entry)
        }
    }

    private mutating func overhear(_ bytes: [UInt8], _ datagram: Datagram) {
        let header = datagram.header
        guard header.to == session?.rawValue, let sender = known.first(where: { $0.session.rawValue == header.from }),
            let key = pairKey(with: sender, isSending: false),
            let plaintext = context.primitives.open(
                bytes.span, sealed: datagram.sealed, counter: header.counter, key: key)
        else { return }
        // Another attacker may have sealed a payload that nobody signed.
        let payload = Array(plaintext.dropLast(Signature.count))
        let signed = context.signedBytes(.message, from: header.from, payload: payload)
        let signature = Signature(plaintext.span, at: payload.count)
        guard context.primitives.verify(signature, of: signed, by: sender.identity) else { return }
        overheard = Overheard(sender: sender, plaintext: plaintext)
    }
}

extension VerifiedRetry {
    /// Verifies a RETRY.
    ///
    /// - Parameter server: The key that signs the RETRY; nil for the key of the mesh's only server.
    package init(_ retry: [UInt8], by server: PublicKey? = nil, in context: SigningContext) throws(Rejection) {
        let datagram = try Datagram(decoding: retry.span)
        guard case .retry(let cookie, _) = datagram.header.fields else { throw .misdirected }
        try self.init(retry.span, datagram, cookie: cookie, by: server ?? context.mesh, in: context)
    }
}
