import Foundation
import SecureMesh
import Testing

@Suite("Files of keys")
struct KeyFileTests {
    /// Creates a folder, calls `body` with its path, and then removes the folder.
    private static func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private static func write(_ text: String, to path: String, mode: Int = 0o600) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private static func text(of key: SigningKey) -> String {
        String(decoding: key.withSecretText { [UInt8](copying: $0) }, as: UTF8.self)
    }

    @Test("a secret key, a public key and a roster are read from files") func read() throws {
        let key = SigningKey()
        try Self.withFolder { folder in
            let secret = Self.text(of: key)
            for text in [
                "# created\n\n\(secret) \r\n", "\(secret)", "\(secret)\n\n  \n", "\t\(secret) # mine\n",
                "\u{FEFF}\(secret)\n",
            ] {
                try Self.write(text, to: "\(folder)/a.key")
                #expect(try SigningKey(contentsOfFile: "\(folder)/a.key").publicKey == key.publicKey)
            }
            for line in [
                "a \(key.publicKey)", "\(key.publicKey)\n", "\u{FEFF}# comment\n\na \(key.publicKey)\n",
                "  # the old one was \(SigningKey().publicKey)\na\t\(key.publicKey) # the new one\r\n\r\n",
            ] {
                try Self.write(line, to: "\(folder)/a.pub", mode: 0o644)
                #expect(try PublicKey(contentsOfFile: "\(folder)/a.pub") == key.publicKey)
            }
            try Self.write("a \(key.publicKey)\n# b\n", to: "\(folder)/authorized_peers", mode: 0o644)
            let roster = try Roster(contentsOfFile: "\(folder)/authorized_peers")
            let name = try PeerName("a")
            #expect(roster.count == 1 && roster.allows(key.publicKey, as: name, at: .now))
        }
    }

    @Test("a file of a secret key is refused for its reason, and the error has no part of it") func secret() throws {
        let key = SigningKey()
        let text = Self.text(of: key)
        let cases: [(reason: KeyFileReason, content: String, mode: Int)] = [
            (.readableByGroup, text, 0o640), (.readableByOthers, text, 0o620), (.readableByOthers, text, 0o604),
            (.readableByOthers, text, 0o602), (.noKey, "", 0o600),
            (.controlCharacter(line: 1), "#\u{85}\n\(text)", 0o600),
            (.unexpectedText(line: 1), "\(text) x", 0o600), (.unexpectedText(line: 2), "\(text)\nx", 0o600),
            (.noKey, "# \(text)\n", 0o600), (.severalKeys(line: 3), "\(text)\n\n\(text)\n", 0o600),
            (.invalidKey(.malformed, line: 2), "#\n\(text.dropLast())\n", 0o600),
            (.invalidKey(.publicKey, line: 1), "a \(key.publicKey)\n", 0o644),
            (.invalidKey(.wrongPrefix, line: 1), "a \(text)", 0o600),
            (.tooLarge(limit: 4_095), text + String(repeating: "\n", count: 4_096), 0o600),
        ]
        try Self.withFolder { folder in
            let path = "\(folder)/a.key"
            for (reason, content, mode) in cases {
                try Self.write(content, to: path, mode: mode)
                let error = #expect(throws: KeyFileError.self) { try SigningKey(contentsOfFile: path) }
                #expect(error == KeyFileError(path: path, reason: reason))
                #expect(error?.description.contains(text.dropFirst(11).prefix(8)) == false)
            }
            #expect(throws: KeyFileError(path: folder, reason: .notOrdinaryFile)) {
                try SigningKey(contentsOfFile: folder)
            }
            #expect(throws: KeyFileError(path: "\(path)2", reason: .missing)) {
                try SigningKey(contentsOfFile: "\(path)2")
            }
        }
    }

    @Test("a path with a zero byte is not cut short to the path of another file") func zeroByte() throws {
        let key = SigningKey()
        try Self.withFolder { folder in
            try Self.write(Self.text(of: key), to: "\(folder)/a.key")
            try Self.write("a \(key.publicKey)", to: "\(folder)/a.pub")
            let (secret, list) = ("\(folder)/a.key\0.txt", "\(folder)/a.pub\0.txt")
            #expect(throws: KeyFileError(path: secret, reason: .missing)) { try SigningKey(contentsOfFile: secret) }
            #expect(throws: KeyFileError(path: list, reason: .missing)) { try PublicKey(contentsOfFile: list) }
            #expect(throws: KeyFileError(path: list, reason: .missing)) { try Roster(contentsOfFile: list) }
        }
    }

    @Test("a pipe without a writer does not block") func pipe() throws {
        try Self.withFolder { folder in
            let path = "\(folder)/pipe"
            let status = unsafe mkfifo(path, 0o600)
            try #require(status == 0)
            #expect(throws: KeyFileError(path: path, reason: .notOrdinaryFile)) {
                try SigningKey(contentsOfFile: path)
            }
        }
    }

    @Test("a named pipe that other users can write to or replace is refused") func foreignPipe() throws {
        try Self.withFolder { folder in
            let path = "\(folder)/pipe"
            let status = unsafe mkfifo(path, 0o600)
            try #require(status == 0)
            for (mode, folderMode, reason) in [
                (0o622, 0o700, KeyFileReason.writableByOthers), (0o600, 0o777, .folderWritableByOthers(folder: folder)),
            ] {
                try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
                try FileManager.default.setAttributes([.posixPermissions: folderMode], ofItemAtPath: folder)
                let error = KeyFileError(path: path, reason: reason)
                #expect(throws: error) { try PublicKey(contentsOfFile: path) }
                #expect(throws: error) { try Roster(contentsOfFile: path) }
                #expect(throws: error) { try Passphrase(contentsOfFile: path) }
            }
        }
    }

    @Test("a secret key in the place of a path is not in the error") func secretAsPath() {
        let text = Self.text(of: SigningKey())
        let error = KeyFileError(path: "", reason: .secretKeyAsPath)
        #expect(throws: error) { try SigningKey(contentsOfFile: text) }
        #expect(throws: error) { try PublicKey(contentsOfFile: text) }
        #expect(throws: error) { try Roster(contentsOfFile: text) }
    }

    @Test("a file of a public key or a roster is refused for its reason") func publicFiles() throws {
        let key = SigningKey()
        try Self.withFolder { folder in
            let path = "\(folder)/file"
            let cases: [(reason: KeyFileReason, content: String)] = [
                (.noKey, "# nothing\n"), (.invalidKey(.secretKey, line: 2), "#\n\(Self.text(of: key))\n"),
                (.invalidKey(.malformed, line: 1), "a \(key.publicKey)A\n"),
                (.tooLarge(limit: 65_536), String(repeating: "\n", count: 65_537)),
                (.severalKeys(line: 2), "\(key.publicKey)\n\(SigningKey().publicKey)\n"),
                (.unexpectedText(line: 2), "\(key.publicKey)\nthe server\n"),
                (.unexpectedText(line: 1), "the server \(key.publicKey)\n"),
                (.invalidName(line: 1), "the/server \(key.publicKey)\n"),
                (.controlCharacter(line: 2), "\(key.publicKey)\n#\u{2029}\n"),
            ]
            for (reason, content) in cases {
                try Self.write(content, to: path)
                #expect(throws: KeyFileError(path: path, reason: reason)) { try PublicKey(contentsOfFile: path) }
            }
            try Data([0xFF]).write(to: URL(fileURLWithPath: path))
            #expect(throws: KeyFileError(path: path, reason: .notText(line: 1))) { try PublicKey(contentsOfFile: path) }
            #expect(throws: KeyFileError(path: folder, reason: .notOrdinaryFile)) {
                try Roster(contentsOfFile: folder)
            }
            try Self.write("a \(key.publicKey)\nb \(key.publicKey)\n", to: path)
            let twice = RosterError(line: 2, problem: .repeatedKey(line: 1))
            #expect(throws: KeyFileError(path: path, reason: .invalidRoster(twice))) {
                try Roster(contentsOfFile: path)
            }
            #expect(
                KeyFileError(path: path, reason: .invalidRoster(twice)).description
                    == "\(path):2: this key is already in line 1")
        }
    }
}
