import Foundation
import SelfTest
import Testing

@testable import SecureMesh
@testable import SecureMeshCore

@Suite("Secret keys with a passphrase")
struct PassphraseTests {
    /// A test case of `sealed_keys.txt`, where each line is one case. The script `sealed_keys.py` created that file
    /// without libsodium.
    struct Vector {
        let passphrase: [UInt8]
        let seed: [UInt8]
        let passes: UInt16
        let memory: UInt16
        let salt: [UInt8]
        let text: String

        static func all() throws -> [Vector] {
            let url = try #require(Bundle.module.url(forResource: "sealed_keys", withExtension: "txt"))
            return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map { line in
                let fields = line.split(separator: " ").map(String.init)
                try #require(fields.count == 6)
                return Vector(
                    passphrase: try unhex(fields[0]), seed: try unhex(fields[1]),
                    passes: try #require(UInt16(fields[2])), memory: try #require(UInt16(fields[3])),
                    salt: try unhex(fields[4]), text: fields[5])
            }
        }
    }

    private static func passphrase(_ text: String) throws -> Passphrase { try Passphrase(Array(text.utf8).span) }

    private static func error(_ text: String, _ passphrase: Passphrase?) -> KeyTextError? {
        thrownError { () throws(KeyTextError) in try SigningKey(Array(text.utf8).span, passphrase: passphrase) }
    }

    /// Returns the text of a sealed key. By default, its cost is the lowest one, so the test is fast.
    private static func text(
        passes: UInt16 = 1, memory: UInt16 = 1, passphrase: String = "abc"
    ) throws -> String {
        let sealed = try PassphraseSeal.seal(
            [UInt8](repeating: 7, count: 32), Self.passphrase(passphrase), passes: passes, memory: memory)
        return String(decoding: KeyText.sealed.encode(sealed), as: UTF8.self)
    }

    @Test("keys that Argon2's reference implementation has sealed are read, and are sealed to the same text")
    func vectors() throws {
        let vectors = try Vector.all()
        #expect(vectors.count == 5)
        #expect(Int(vectors[0].passes) == Limits.argonPasses && Int(vectors[0].memory) == Limits.argonMemory)
        for vector in vectors {
            let passphrase = try Passphrase(vector.passphrase.span)
            let key = try SigningKey(Array(vector.text.utf8).span, passphrase: passphrase)
            #expect(key.publicKey == SigningKey(seed: vector.seed.span).publicKey)
            let sealed = try PassphraseSeal.seal(
                vector.seed, passphrase, passes: vector.passes, memory: vector.memory, salt: vector.salt)
            #expect(String(decoding: KeyText.sealed.encode(sealed), as: UTF8.self) == vector.text)
        }
    }

    @Test("sealed_keys.py prints sealed_keys.txt")
    func script() throws {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let root = tests.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", tests.appending(path: "sealed_keys.py").path]
        process.environment = ProcessInfo.processInfo.environment
            .merging(["PYTHONPATH": root.appending(path: ".build-python").path]) { $1 }
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "scripts/setup --tests installs what sealed_keys.py needs")
        #expect(output == (try Data(contentsOf: tests.appending(path: "sealed_keys.txt"))))
    }

    @Test("a key with a passphrase is read again, and each text has another salt")
    func roundTrip() throws {
        let key = SigningKey()
        let passphrase = try Self.passphrase("correct horse")
        let (one, two) = (try key.sealedText(passphrase: passphrase), try key.sealedText(passphrase: passphrase))
        #expect(one.utf8.count == 107 && one.hasPrefix("P2PSEALED1_") && one != two)
        for text in [one, two] {
            #expect(try SigningKey(Array(text.utf8).span, passphrase: passphrase).publicKey == key.publicKey)
            #expect(Self.error(text, nil) == .passphraseMissing)
            #expect(Self.error(text, try Self.passphrase("correct horse ")) == .wrongPassphrase)
        }
        // A plain key needs no passphrase.
        let again = try key.withSecretText { text throws(KeyTextError) in
            try SigningKey(text, passphrase: passphrase)
        }
        #expect(again.publicKey == key.publicKey)
    }

    @Test("a typo in a sealed key is not reported as a wrong passphrase, and keys of other kinds are named")
    func typos() throws {
        let passphrase = try Self.passphrase("abc")
        let text = Array(try Self.text().utf8)
        for index in text.indices {
            var changed = text
            changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let error = Self.error(String(decoding: changed, as: UTF8.self), passphrase)
            #expect(error == (index < 11 ? .wrongPrefix : .wrongCheck), "\(index)")
        }
        #expect(Self.error(String(decoding: text.dropLast(), as: UTF8.self), passphrase) == .malformed)
        #expect(throws: KeyTextError.secretKey) { try PublicKey(String(decoding: text, as: UTF8.self)) }
        #expect(Self.error(SigningKey().publicKey.description, passphrase) == .publicKey)
    }

    @Test(
        "a file that asks for too much memory or time, or for none, is refused before anything is computed",
        arguments: [(0, 1), (1, 0), (11, 1), (1, 257), (.max, .max)] as [(UInt16, UInt16)])
    func cost(passes: UInt16, memory: UInt16) throws {
        var sealed = try PassphraseSeal.seal(
            [UInt8](repeating: 7, count: 32), Self.passphrase("abc"), passes: 1, memory: 1)
        for (index, number) in [passes, memory].enumerated() {
            (sealed[2 * index], sealed[2 * index + 1]) = (UInt8(number >> 8), UInt8(truncatingIfNeeded: number))
        }
        let text = String(decoding: KeyText.sealed.encode(sealed), as: UTF8.self)
        let start = ContinuousClock.now
        #expect(Self.error(text, try Self.passphrase("abc")) == .costNotAccepted)
        #expect(ContinuousClock.now - start < .seconds(1))
    }

    @Test("the cost is authenticated, so that nobody can lower it in a file")
    func authenticatedCost() throws {
        var sealed = try PassphraseSeal.seal(
            [UInt8](repeating: 7, count: 32), Self.passphrase("abc"), passes: 2, memory: 1)
        sealed[1] = 1
        let text = String(decoding: KeyText.sealed.encode(sealed), as: UTF8.self)
        #expect(Self.error(text, try Self.passphrase("abc")) == .wrongPassphrase)
    }

    @Test("a passphrase is 1 to 1,023 bytes without control characters, and prints none of them")
    func passphrases() throws {
        for (text, expected) in [
            ("", .empty), (String(repeating: "a", count: 1_024), .tooLong), ("a\nb", .controlCharacter),
            ("a\u{7F}", .controlCharacter), ("\0", .controlCharacter), ("a\t", .controlCharacter),
        ] as [(String, PassphraseError)] {
            #expect(throws: expected) { try Self.passphrase(text) }
        }
        let passphrase = try Self.passphrase("Größe # x")
        #expect(passphrase.isSame(as: try Self.passphrase("Größe # x")))
        #expect(!passphrase.isSame(as: try Self.passphrase("Größe # y")))
        #expect(!passphrase.isSame(as: try Self.passphrase("Größe # ")))
        var dumped = ""
        dump(passphrase, to: &dumped)
        #expect(!"\(passphrase)\(String(reflecting: passphrase))\(dumped)".contains("Gr"))
    }

    @Test("files of keys with a passphrase, and files of passphrases")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func write(_ bytes: [UInt8], to path: String, mode: Int = 0o600) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        }
        let (key, file) = ("\(folder)/a.key", "\(folder)/passphrase")
        let text = try Self.text(passphrase: "a b # c ")
        try write(Array("# mine\r\n\(text)\r\n".utf8), to: key)
        for content in ["a b # c ", "a b # c \n", "a b # c \r\n", "\u{FEFF}a b # c \n"] {
            try write(Array(content.utf8), to: file)
            let read = try SigningKey(contentsOfFile: key, passphrase: Passphrase(contentsOfFile: file))
            #expect(read.publicKey == SigningKey(seed: [UInt8](repeating: 7, count: 32).span).publicKey)
        }
        #expect(KeyFile.hasPassphrase(key) && !KeyFile.hasPassphrase(file))
        #expect(throws: KeyFileError(path: key, reason: .invalidKey(.passphraseMissing, line: 2))) {
            try SigningKey(contentsOfFile: key)
        }
        #expect(throws: KeyFileError(path: key, reason: .invalidKey(.wrongPassphrase, line: 2))) {
            try SigningKey(contentsOfFile: key, passphrase: Self.passphrase("a b # c"))
        }
        #expect(throws: KeyFileError(path: key, reason: .invalidKey(.secretKey, line: 2))) {
            try PublicKey(contentsOfFile: key)
        }
        let replaced = try KeyFile.content(of: key, groupMayRead: false, replacingKeyBy: Array("KEY".utf8).span)
        #expect(String(decoding: replaced, as: UTF8.self) == "# mine\r\nKEY\r\n")
        for (content, mode, reason) in [
            ("", 0o600, .invalidPassphrase(.empty)), ("\n", 0o600, .invalidPassphrase(.empty)),
            ("a\nb\n", 0o600, .invalidPassphrase(.controlCharacter)),
            (String(repeating: "a", count: 1_024), 0o600, .invalidPassphrase(.tooLong)),
            (String(repeating: "a", count: 5_000), 0o600, .tooLarge(limit: 4_095)),
            ("a", 0o640, .readableByGroup), ("p2ppub1_", 0o644, .readableByOthers),
        ] as [(String, Int, KeyFileReason)] {
            try write(Array(content.utf8), to: file, mode: mode)
            #expect(throws: KeyFileError(path: file, reason: reason)) { try Passphrase(contentsOfFile: file) }
        }
    }
}
