import Foundation
import SecureMesh
import Testing

/// `vectors.txt`, made by an implementation that shares no line with this one.
///
/// A section remembers which of its values a test has asked for: `expectAllRead` finds those that nothing checks.
final class VectorSection {
    let name: String
    private let values: [String: String]
    private var read: Set<String> = []

    private init(name: String, values: [String: String]) {
        self.name = name
        self.values = values
    }

    static func named(_ name: String) throws -> VectorSection {
        let found = try all().first { $0.name == name }
        return try #require(found, "vectors.txt has no section [\(name)]")
    }

    static func all() throws -> [VectorSection] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("vectors.txt")
        let text = try String(contentsOf: file, encoding: .utf8)
        var sections: [VectorSection] = []
        var name = ""
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            if line.hasPrefix("["), line.hasSuffix("]") {
                if !name.isEmpty { sections.append(VectorSection(name: name, values: values)) }
                name = String(line.dropFirst().dropLast())
                values = [:]
            } else {
                let parts = line.split(separator: " = ", maxSplits: 1)
                try #require(parts.count == 2, "not 'key = value': \(line)")
                #expect(values.updateValue(String(parts[1]), forKey: String(parts[0])) == nil, "repeated: \(line)")
            }
        }
        sections.append(VectorSection(name: name, values: values))
        return sections
    }

    func has(_ key: String) -> Bool { values[key] != nil }

    func text(_ key: String) throws -> String {
        read.insert(key)
        return try #require(values[key], "[\(name)] has no \(key)")
    }

    func bytes(_ key: String) throws -> [UInt8] {
        try unhex(text(key))
    }

    /// Empty where the section has no such line.
    func optionalBytes(_ key: String) throws -> [UInt8] {
        has(key) ? try bytes(key) : []
    }

    func bytes32(_ key: String) throws -> Bytes32 {
        try #require(Bytes32(bytes(key)), "[\(name)] \(key) is not of 32 bytes")
    }

    func number(_ key: String) throws -> UInt64 {
        try #require(UInt64(text(key)), "[\(name)] \(key) is no number")
    }

    /// The eight bytes of a tag, as the header's number.
    func tag(_ key: String = "tag") throws -> UInt64 {
        let bytes = try bytes(key)
        var reader = ByteReader()
        return try reader.uint64(bytes.span)
    }

    func publicKey(_ key: String) throws -> PublicKey { PublicKey(bytes: try bytes32(key)) }
    func agreementKey(_ key: String) throws -> AgreementPublicKey { AgreementPublicKey(bytes: try bytes32(key)) }
    func secret(_ key: String) throws -> Secret32 { Secret32(try bytes32(key)) }
    func session(_ key: String) throws -> SessionID { try Fixture.session(number(key)) }
    func short(_ key: String) throws -> UInt16 { UInt16(clamping: try number(key)) }

    // The bytes are bound to a name before their span is taken: Swift 6.3 fails on the span of a call that throws.

    func signingKey(_ key: String) throws -> SigningKey {
        let seed = try bytes(key)
        return SigningKey(seed: seed.span)
    }

    func address(_ key: String) throws -> SocketAddress {
        let bytes = try bytes(key)
        var reader = ByteReader()
        return try SocketAddress(&reader, bytes.span)
    }

    func cookie(_ key: String) throws -> Bytes16 {
        let bytes = try bytes(key)
        return Bytes16(bytes.span)
    }

    func expectAllRead(sourceLocation: SourceLocation = #_sourceLocation) {
        let unread = values.keys.filter { !read.contains($0) }.sorted()
        #expect(unread.isEmpty, "[\(name)] has values that nothing checks", sourceLocation: sourceLocation)
    }
}
