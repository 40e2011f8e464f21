import Foundation
import SecureMesh
import SelfTest
import Testing

/// A line of `ed25519.txt`.
struct SignatureCase {
    enum Fate: String {
        case accepts, refuses
        /// A signature that is not of 64 bytes: libsodium would not notice.
        case length
    }

    /// `wycheproof-63`, `speccheck-7`.
    let id: String
    let flags: [Substring]
    /// The source's: `valid`, `invalid`, or `-` where it has none.
    let verdict: Substring
    /// What libsodium does with it.
    let fate: Fate
    let key: [UInt8]
    let message: [UInt8]
    let signature: [UInt8]

    static let all = Result { try lines("ed25519.txt").map { try SignatureCase($0) } }

    static func named(_ id: String) throws -> SignatureCase {
        try #require(all.get().first { $0.id == id }, "no case \(id)")
    }

    var publicKey: PublicKey { PublicKey(bytes: Bytes32(key.span)) }

    /// Read as a datagram's signature is read, then verified; nil if it does not have 64 bytes.
    var isAccepted: Bool? {
        var reader = ByteReader()
        guard let read = try? reader.signature(signature.span), (try? reader.finish(signature.span)) != nil else {
            return nil
        }
        return Sodium.verify(read, of: message, by: publicKey)
    }

    private init(_ line: [Substring]) throws {
        try #require(line.count == 7)
        id = String(line[0])
        flags = line[1].split(separator: "+")
        verdict = line[2]
        fate = try #require(Fate(rawValue: String(line[3])))
        key = try unhex(String(line[4]))
        message = try optionalHex(line[5])
        signature = try optionalHex(line[6])
    }
}

/// A line of `x25519.txt`.
struct AgreementCase {
    let number: Int
    /// The source's: `valid` or `acceptable`.
    let verdict: Substring
    /// Whether libsodium computes a secret; if not, it says so by its return code.
    let isAccepted: Bool
    let isCanonical: Bool
    let secret: [UInt8]
    let key: [UInt8]
    /// Nil: zero.
    let shared: [UInt8]?

    static let all = Result { try lines("x25519.txt").map { try AgreementCase($0) } }

    /// Public keys that agree on zero whatever the secret, each once.
    static func smallOrder() throws -> [[UInt8]] {
        distinct(try all.get().filter { $0.shared == nil })
    }

    /// u at or above p, or with the top bit set, each once.
    static func nonCanonical() throws -> [[UInt8]] {
        distinct(try all.get().filter { !$0.isCanonical })
    }

    var publicKey: AgreementPublicKey { AgreementPublicKey(bytes: Bytes32(key.span)) }

    private static func distinct(_ cases: [AgreementCase]) -> [[UInt8]] {
        Set(cases.map(\.key)).sorted { $0.lexicographicallyPrecedes($1) }
    }

    private init(_ line: [Substring]) throws {
        try #require(line.count == 7)
        number = try #require(Int(line[0]))
        verdict = line[1]
        isAccepted = line[2] == "accepts"
        isCanonical = line[3] == "canonical"
        secret = try unhex(String(line[4]))
        key = try unhex(String(line[5]))
        shared = line[6] == "0" ? nil : try unhex(String(line[6]))
    }
}

private func lines(_ name: String) throws -> [[Substring]] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(name)
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").filter { !$0.hasPrefix("#") }
        .map { $0.split(separator: " ") }
}

private func optionalHex(_ text: Substring) throws -> [UInt8] {
    text == "-" ? [] : try unhex(String(text))
}
