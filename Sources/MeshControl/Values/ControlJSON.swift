#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif
internal import SecureMesh

/// The JSON encoding of requests and answers.
package enum ControlJSON {
    package static func encode(_ value: some Encodable) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Encoding does not fail, because the values of this module have no number that JSON cannot express.
        return harmless((try? encoder.encode(value)).map(Array.init) ?? Array("{}".utf8))
    }

    /// Returns the JSON with escapes in place of all characters on which a terminal might act.
    ///
    /// Foundation escapes only the characters below U+0020. Other dangerous characters, such as U+009B and U+202E, can
    /// occur in the text of a message. Valid JSON has such characters only in strings, where an escape has the same
    /// meaning.
    package static func harmless(_ json: [UInt8]) -> [UInt8] {
        guard !json.allSatisfy({ (0x20...0x7E).contains($0) }) else { return json }
        var result: [UInt8] = []
        result.reserveCapacity(json.count + 64)
        for scalar in String(decoding: json, as: UTF8.self).unicodeScalars {
            result.append(contentsOf: (scalar.isObeyed ? scalar.jsonEscapes : String(scalar)).utf8)
        }
        return result
    }

    /// Encodes a value as one line of JSON, with a line feed at its end.
    static func line(_ value: some Encodable) -> [UInt8] { encode(value) + [UInt8(ascii: "\n")] }

    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) -> Value? {
        try? JSONDecoder().decode(type, from: Data(bytes))
    }
}
