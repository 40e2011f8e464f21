internal import SecureMeshCore

/// The content of `vectors.txt`, which an independent implementation has generated. The head of the file describes its
/// format.
package struct Vectors: Sendable {
    /// The content of the published vectors.txt at the time of the build.
    package static let text = String(decoding: PackageResources.vectors_txt, as: UTF8.self)

    package private(set) var names: [String] = []
    private var values: [String: [String: String]] = [:]

    package init(text: String) throws {
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("["), line.hasSuffix("]") {
                let name = String(line.dropFirst().dropLast())
                try require(values.updateValue([:], forKey: name) == nil, "[\(name)] is repeated")
                names.append(name)
            } else {
                let parts = line.split(separator: " = ", maxSplits: 1).map(String.init)
                guard parts.count == 2, let name = names.last else { throw Fault("not 'key = value': \(line)") }
                try require(values[name]?.updateValue(parts[1], forKey: parts[0]) == nil, "repeated: \(line)")
            }
        }
    }

    /// Returns a section of the vectors. None of the section's values counts as read yet.
    func section(_ name: String) throws -> VectorSection {
        VectorSection(name: name, values: try require(values[name], "the vectors have no section [\(name)]"))
    }
}

/// A section of the vectors. The self-test must compute each value of the section anew.
///
/// The object stores which values were read, so that `finish` can report the values that no check has read.
final class VectorSection {
    let name: String
    private(set) var failures: [String] = []
    private let values: [String: String]
    private var read: Set<String> = []

    fileprivate init(name: String, values: [String: String]) {
        self.name = name
        self.values = values
    }

    var count: Int { values.count }

    // MARK: comparing

    func expect(_ holds: Bool, _ what: @autoclosure () -> String) {
        if !holds { failures.append("[\(name)] \(what())") }
    }

    /// Checks that `made` is the published value of `key`. If the section has no line with this key, `made` must be
    /// empty.
    func expect(_ key: String, _ made: [UInt8]) throws {
        let published = values[key] == nil ? [] : try bytes(key)
        expect(made == published, "\(key) comes out as \(made.excerpt)")
    }

    /// Checks that `made` is the published text of `key`.
    func expect(_ key: String, text made: String) throws {
        expect(try text(key) == made, "\(key) comes out as \(made)")
    }

    func finish() {
        let unread = values.keys.filter { !read.contains($0) }.sorted()
        expect(unread.isEmpty, "nothing checks \(unread.joined(separator: ", "))")
    }

    // MARK: reading

    func text(_ key: String) throws -> String {
        read.insert(key)
        return try require(values[key], "[\(name)] has no \(key)")
    }

    func bytes(_ key: String) throws -> [UInt8] {
        try unhex(text(key))
    }

    func bytes32(_ key: String) throws -> Bytes32 {
        try require(Bytes32(bytes(key)), "[\(name)] \(key) is not of 32 bytes")
    }

    func number(_ key: String) throws -> UInt64 {
        try require(UInt64(text(key)), "[\(name)] \(key) is no number")
    }

    /// Returns the tag of eight bytes that is the value of `key`, as a number.
    func tag(_ key: String = "tag") throws -> UInt64 {
        let bytes = try bytes(key)
        var reader = ByteReader()
        return try reader.uint64(bytes.span)
    }

    func publicKey(_ key: String) throws -> PublicKey { PublicKey(bytes: try bytes32(key)) }
    func agreementKey(_ key: String) throws -> AgreementPublicKey { AgreementPublicKey(bytes: try bytes32(key)) }
    func secret(_ key: String) throws -> Secret32 { Secret32(try bytes32(key)) }
    func short(_ key: String) throws -> UInt16 { UInt16(clamping: try number(key)) }

    /// Returns the reason whose code is the value of `reason_u64`.
    func reason<Reason: RawRepresentable<UInt8>>() throws -> Reason {
        let code = UInt8(clamping: try number("reason_u64"))
        return try require(Reason(rawValue: code), "[\(name)] no reason: \(code)")
    }

    func name(_ key: String) throws -> PeerName {
        try require(try? PeerName(text(key)), "[\(name)] \(key) is no name")
    }

    func session(_ key: String) throws -> SessionID {
        try require(SessionID(rawValue: number(key)), "[\(name)] \(key) is no session")
    }

    // The bytes are bound to a name before their span is taken: Swift 6.3 fails on the span of a call that throws.

    func signingKey(_ key: String) throws -> SigningKey {
        let seed = try bytes32(key).array
        return SigningKey(seed: seed.span)
    }

    func address(_ key: String) throws -> SocketAddress {
        let bytes = try bytes(key)
        var reader = ByteReader()
        return try SocketAddress(&reader, bytes.span)
    }

    func cookie(_ key: String) throws -> Bytes16 {
        let bytes = try bytes(key)
        try require(bytes.count == Bytes16.count, "[\(name)] \(key) is not of 16 bytes")
        return Bytes16(bytes.span)
    }

    func signature(_ key: String) throws -> Signature {
        let bytes = try bytes(key)
        try require(bytes.count == Signature.count, "[\(name)] \(key) is not of 64 bytes")
        return Signature(bytes.span)
    }
}
