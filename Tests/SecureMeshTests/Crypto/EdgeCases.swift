import SecureMesh
import SelfTest
import Testing

/// A test case of `ed25519.txt`, where each line is one case.
struct SignatureCase {
    enum Outcome: String {
        case accepts, refuses
        /// The signature does not have 64 bytes. libsodium's function has no parameter for the length, so it cannot
        /// detect this.
        case length
    }

    /// The name of the source and the number of the case in that source, such as `wycheproof-63` or `speccheck-7`.
    let id: String
    let flags: [Substring]
    /// The source's verdict on the signature: `valid`, `invalid`, or `-` if the source gives none.
    let verdict: Substring
    /// The result of libsodium for this case.
    let outcome: Outcome
    let key: [UInt8]
    let message: [UInt8]
    let signature: [UInt8]

    static let all = Result { try lines("ed25519.txt").map { try SignatureCase($0) } }

    static func named(_ id: String) throws -> SignatureCase {
        try #require(all.get().first { $0.id == id }, "no case \(id)")
    }

    var publicKey: PublicKey { PublicKey(bytes: Bytes32(key.span)) }

    /// True if the decoder and libsodium accept the signature; false if libsodium refuses it; nil if the signature does
    /// not have 64 bytes.
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
        outcome = try #require(Outcome(rawValue: String(line[3])))
        key = try unhex(String(line[4]))
        message = try optionalHex(line[5])
        signature = try optionalHex(line[6])
    }
}

/// A test case of `x25519.txt`, where each line is one case.
struct AgreementCase {
    let number: Int
    /// The source's verdict on the key: `valid` or `acceptable`.
    let verdict: Substring
    /// True if libsodium computes a shared secret; false if libsodium returns an error.
    let isAccepted: Bool
    let isCanonical: Bool
    let secret: [UInt8]
    let key: [UInt8]
    /// The shared secret; nil if it is zero.
    let shared: [UInt8]?

    static let all = Result { try lines("x25519.txt").map { try AgreementCase($0) } }

    /// Returns the public keys whose shared secret is always zero, each once.
    static func smallOrder() throws -> [[UInt8]] {
        distinct(try all.get().filter { $0.shared == nil })
    }

    /// Returns the public keys that are not canonical, each once. Their u is p or more, or their top bit is set.
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
    try Document("Tests/SecureMeshTests/Crypto/\(name)").lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
        .map { $0.split(separator: " ") }
}

private func optionalHex(_ text: Substring) throws -> [UInt8] {
    text == "-" ? [] : try unhex(String(text))
}
