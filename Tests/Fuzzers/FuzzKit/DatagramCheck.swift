import SecureMeshCore

/// Gives arbitrary bytes to the decoders. A decoder must refuse them, or must decode a value that encodes to the same
/// bytes.
///
/// Each input is read in up to four ways:
///
/// - as a datagram;
/// - as a datagram whose length field is corrected, because random bytes rarely have a correct length;
/// - as the number of a kind, followed by a payload of that kind, unsealed;
/// - as the choices of a `DatagramRecipe`, if the first byte is at least `recipeMark`.
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
        return Kind(rawValue: first).flatMap { check(Array(input.dropFirst()), as: $0).failure }
    }

    /// The lowest first byte that marks an input as a recipe. It is greater than the number of every kind, and than
    /// every version.
    static let recipeMark: UInt8 = 0x80

    /// Checks the `DatagramRecipe` that `input` chooses. The decoder must accept its payload. The decoders may accept
    /// its datagram and its changed copy only if these are canonical.
    private static func checkRecipe(_ input: [UInt8]) -> String? {
        var choices = FuzzInput(input)
        let recipe = DatagramRecipe(&choices)
        switch check(recipe.payload, as: recipe.kind) {
        case .taken: break
        case .refused: return "\(recipe.kind): the decoder refuses what the encoder has made"
        case .wrong(let failure): return failure
        }
        return checkDatagram(recipe.datagram, of: recipe) ?? recipe.changed.flatMap { checkDatagram($0, of: recipe) }
    }

    /// Checks the header and the payload of a datagram. A payload that equals the payload of `recipe` is not checked
    /// again.
    private static func checkDatagram(_ bytes: [UInt8], of recipe: DatagramRecipe? = nil) -> String? {
        guard let datagram = try? Datagram(decoding: bytes.span) else { return nil }
        let header = datagram.header
        guard datagram.size == bytes.count else { return "\(header.kind): of \(datagram.size) bytes, it says" }
        guard header.encode(size: datagram.size)[...] == bytes[..<datagram.sealed.lowerBound] else {
            return "\(header.kind): the header, encoded again, is not what was decoded: \(header)"
        }
        // In a seed, the payload takes the place of the ciphertext.
        let overhead = Signature.count + (header.kind.isSealed ? Kind.tagSize : 0)
        let payload = Array(bytes[datagram.sealed].dropLast(overhead))
        if let recipe, recipe.kind == header.kind, recipe.payload == payload { return nil }
        return check(payload, as: header.kind).failure
    }

    private enum Verdict {
        case refused
        case taken
        case wrong(String)

        var failure: String? {
            switch self {
            case .refused, .taken: nil
            case .wrong(let failure): failure
            }
        }
    }

    /// Gives `bytes` to the decoder for payloads of `kind`.
    private static func check(_ bytes: [UInt8], as kind: Kind) -> Verdict {
        switch kind {
        case .hello: check(bytes, Hello.self)
        case .retry: bytes.isEmpty ? .taken : .refused
        case .welcome: check(bytes, Welcome.self)
        case .reject: check(bytes, Reject.self)
        case .confirm, .heartbeat: check(bytes, Heartbeat.self)
        case .resume: check(bytes, Resume.self)
        case .leave: check(bytes, Leave.self)
        case .pulse: check(bytes, Pulse.self)
        case .snapshot: check(bytes, Snapshot.self) { $0.entries }
        case .delta: check(bytes, Delta.self) { $0.added }
        case .goodbye: check(bytes, Goodbye.self)
        case .message: check(bytes, PeerMessage.self)
        case .ack: check(bytes, Acknowledgment.self)
        }
    }

    /// Checks that the decoder refuses the bytes, or that the decoded value encodes to the same bytes.
    private static func check<Body: Payload>(
        _ bytes: [UInt8], _ type: Body.Type, entries: (Body) -> [Entry] = { _ in [] }
    ) -> Verdict {
        guard let body = try? Body(decoding: bytes.span) else { return .refused }
        guard encoded(body) == bytes else {
            return .wrong("\(type): encoded again, it is not what was decoded: \(body)")
        }
        for entry in entries(body) {
            if let failure = check(entry) { return .wrong(failure) }
        }
        return .taken
    }

    /// Checks a decoded entry for the properties on which the rest of the program relies.
    private static func check(_ entry: Entry) -> String? {
        guard entry.address.isUsable else { return "an entry with an address that cannot be sent to: \(entry.address)" }
        guard (Entry.fixedSize + 1...Entry.maximumSize).contains(entry.encodedSize) else {
            return "an entry of \(entry.encodedSize) bytes"
        }
        guard (try? PeerName(entry.name.description)) == entry.name else { return "an entry with no name" }
        return nil
    }

    private static func encoded(_ body: some Payload) -> [UInt8] {
        #if FUZZ_CANARY
            // The planted fault: an encoder omits the last byte of a SNAPSHOT part with two or more entries, except in
            // the first part.
            if let snapshot = body as? Snapshot, snapshot.part > 0, snapshot.entries.count > 1 {
                return Array(body.encoded.dropLast())
            }
        #endif
        return body.encoded
    }
}
