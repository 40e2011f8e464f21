import SecureMesh

/// Any bytes: a decoder takes them or refuses them, and what it took it writes again as it was.
///
/// The input is read in four ways: as a datagram; as one whose length field has been set right, because random bytes
/// all but never get past it; its first byte taken for a kind, as the payload of that kind, which on the wire is sealed
/// and so out of a mutator's reach; and, from `recipeMark` on, as the choices of a `DatagramRecipe`.
package enum DatagramCheck {
    package static func failure(of input: [UInt8]) -> String? {
        if let failure = checkDatagram(input) { return failure }
        if input.count >= Header.size {
            var fitted = input
            fitted[2] = UInt8(truncatingIfNeeded: input.count >> 8)
            fitted[3] = UInt8(truncatingIfNeeded: input.count)
            if let failure = checkDatagram(fitted) { return failure }
        }
        guard let first = input.first else { return nil }
        if first >= recipeMark { return checkRecipe(Array(input.dropFirst())) }
        return Kind(rawValue: first).flatMap { check(Array(input.dropFirst()), as: $0) }
    }

    /// What the encoders make, the decoders take; what was harmed they take only if it is canonical still.
    private static func checkRecipe(_ input: [UInt8]) -> String? {
        var choices = FuzzInput(input)
        let recipe = DatagramRecipe(&choices)
        if recipe.kind != .retry, !isDecoded(recipe.payload, as: recipe.kind) {
            return "\(recipe.kind): the decoder refuses what the encoder has made"
        }
        return check(recipe.payload, as: recipe.kind) ?? checkDatagram(recipe.datagram)
            ?? recipe.harmed.flatMap { checkDatagram($0) }
    }

    private static func isDecoded(_ payload: [UInt8], as kind: Kind) -> Bool {
        func decodes<Body: Payload>(_ type: Body.Type) -> Bool { (try? Body(decoding: payload.span)) != nil }
        return switch kind {
        case .hello: decodes(Hello.self)
        case .retry: payload.isEmpty
        case .welcome: decodes(Welcome.self)
        case .reject: decodes(Reject.self)
        case .confirm, .heartbeat: decodes(Heartbeat.self)
        case .leave: decodes(Leave.self)
        case .pulse: decodes(Pulse.self)
        case .snapshot: decodes(Snapshot.self)
        case .delta: decodes(Delta.self)
        case .goodbye: decodes(Goodbye.self)
        case .message: decodes(PeerMessage.self)
        }
    }

    /// First bytes from here on are no kind and no version: they begin a recipe.
    static let recipeMark: UInt8 = 0x80

    private static func checkDatagram(_ bytes: [UInt8]) -> String? {
        guard let datagram = try? Datagram(decoding: bytes.span) else { return nil }
        let header = datagram.header
        guard datagram.size == bytes.count else { return "\(header.kind): of \(datagram.size) bytes, it says" }
        guard header.encode(size: datagram.size) + bytes[datagram.sealed] == bytes else {
            return "\(header.kind): the header, encoded again, is not what was decoded: \(header)"
        }
        // A seed has its payload in the clear where a sealed datagram has ciphertext.
        let overhead = Signature.count + (header.kind.isSealed ? Kind.tagSize : 0)
        return check(Array(bytes[datagram.sealed].dropLast(overhead)), as: header.kind)
    }

    /// The payload decoder of `kind` on all of `bytes`.
    private static func check(_ bytes: [UInt8], as kind: Kind) -> String? {
        switch kind {
        case .hello: check(bytes, Hello.self)
        case .retry: nil
        case .welcome: check(bytes, Welcome.self)
        case .reject: check(bytes, Reject.self)
        case .confirm, .heartbeat: check(bytes, Heartbeat.self)
        case .leave: check(bytes, Leave.self)
        case .pulse: check(bytes, Pulse.self)
        case .snapshot: check(bytes, Snapshot.self) { $0.entries }
        case .delta: check(bytes, Delta.self) { $0.added }
        case .goodbye: check(bytes, Goodbye.self)
        case .message: check(bytes, PeerMessage.self)
        }
    }

    private static func check<Body: Payload>(
        _ bytes: [UInt8], _ type: Body.Type, entries: (Body) -> [Entry] = { _ in [] }
    ) -> String? {
        guard let body = try? Body(decoding: bytes.span) else { return nil }
        guard encoded(body) == bytes else { return "\(type): encoded again, it is not what was decoded: \(body)" }
        guard (try? Body(decoding: body.encoded.span)) == body else {
            return "\(type): its own bytes decode to another"
        }
        for entry in entries(body) {
            if let failure = check(entry) { return failure }
        }
        return nil
    }

    /// What the rest of the program takes for granted of an entry that was decoded.
    private static func check(_ entry: Entry) -> String? {
        guard entry.address.isUsable else { return "an entry with an address that cannot be sent to: \(entry.address)" }
        guard (Entry.fixedSize + 1...Entry.maximumSize).contains(entry.encodedSize) else {
            return "an entry of \(entry.encodedSize) bytes"
        }
        guard PeerName(entry.name.description) == entry.name else { return "an entry with no name" }
        return nil
    }

    private static func encoded(_ body: some Payload) -> [UInt8] {
        #if FUZZ_CANARY
            // The planted bug: an encoder that forgets the second entry's tail in a part after the first.
            if let snapshot = body as? Snapshot, snapshot.part > 0, snapshot.entries.count > 1 {
                return Array(body.encoded.dropLast())
            }
        #endif
        return body.encoded
    }
}
