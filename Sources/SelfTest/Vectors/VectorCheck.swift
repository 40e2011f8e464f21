internal import SecureMeshCore

/// Computes every value in each section of the vectors anew, and compares it with the published value.
package struct VectorCheck {
    /// The datagrams of the sections, one for each section that describes a datagram.
    package private(set) var datagrams: [Sample] = []
    private var sections = 0
    private var values = 0

    package var summary: String { "\(sections) sections, \(values) values" }

    /// The names of the sections for protocol version 1, in the order of vectors.txt.
    package static let sections = [
        "keys", "hello", "hello-cookie", "hello-b", "retry", "welcome", "welcome-b", "reject", "confirm", "resume",
        "confirm-resume", "heartbeat", "leave", "pulse", "snapshot", "delta", "goodbye", "digest", "message",
        "message-all", "message-probe", "ack",
    ]

    /// Checks all sections.
    ///
    /// - Throws: A `Fault` that names the section and the value.
    package static func all(_ vectors: Vectors) throws -> VectorCheck {
        try require(vectors.names == Self.sections, "the sections are \(vectors.names.joined(separator: ", "))")
        var check = VectorCheck()
        var failures: [String] = []
        for name in Self.sections { failures += try check.run(name, of: vectors) }
        if let fault = Fault(failures) { throw fault }
        return check
    }

    /// Returns the datagrams of the published vectors, which this program contains.
    package static func published() throws -> [Sample] {
        try all(Vectors(text: Vectors.text)).datagrams
    }

    /// Returns descriptions of all failures in one section.
    package static func failures(in name: String, of vectors: Vectors) throws -> [String] {
        var check = VectorCheck()
        return try check.run(name, of: vectors)
    }

    private mutating func run(_ name: String, of vectors: Vectors) throws -> [String] {
        let world = try VectorWorld(vectors)
        let section = try vectors.section(name)
        let datagram: Sample? =
            switch name {
            case "keys": try world.checkKeys(section)
            case "hello": try world.checkHello(section, ephemeral: "e_a", owner: "peer_a")
            case "hello-cookie": try world.checkHello(section, ephemeral: "e_a2", owner: "peer_a")
            case "hello-b": try world.checkHello(section, ephemeral: "e_b", owner: "peer_b")
            case "retry": try world.checkRetry(section)
            case "welcome": try world.checkWelcome(section, hello: "hello", ours: "e_a", theirs: "e_s_a")
            case "welcome-b": try world.checkWelcome(section, hello: "hello-b", ours: "e_b", theirs: "e_s_b")
            case "reject": try world.checkReject(section)
            case "confirm": try world.checkConfirm(section, epoch: world.epoch, keys: "welcome")
            case "resume": try world.checkResume(section)
            case "confirm-resume":
                try world.checkConfirm(section, epoch: vectors.section("resume").number("epoch_r_u64"), keys: "resume")
            case "heartbeat": try world.checkHeartbeat(section)
            case "leave": try world.checkLeave(section)
            case "pulse": try world.checkPulse(section)
            case "snapshot": try world.checkSnapshot(section)
            case "delta": try world.checkDelta(section)
            case "goodbye": try world.checkGoodbye(section)
            case "digest": try world.checkDigest(section)
            case "message", "message-all", "message-probe": try world.checkMessage(section)
            case "ack": try world.checkAcknowledgment(section)
            default: throw Fault("[\(name)] is a section that nothing checks")
            }
        section.finish()
        if let datagram { datagrams.append(datagram) }
        sections += 1
        values += section.count
        return section.failures
    }
}
