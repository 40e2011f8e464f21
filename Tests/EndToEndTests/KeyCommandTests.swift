internal import Foundation
internal import Testing

@Suite("p2p key", .processes, .serialized)
struct KeyCommandTests {
    private let harness = ProcessHarness.current

    @Test("show prints the public line, from either file, which authorize takes")
    func show() async throws {
        let line = try await harness.makeKeys(peers: ["A"])[1]
        for arguments in [["A"], ["keys/A.pub"]] {
            let shown = try await harness.run(["key", "show"] + arguments)
            #expect(shown.output.first?.hasPrefix("\(line) # fingerprint ") == true, "\(shown.text)")
        }
        try harness.write(try await harness.run(["key", "show", "A"]).output[0], to: "line")
        #expect(try await harness.run(["authorize", "A", "line"]).status == 0)
        try FileManager.default.removeItem(atPath: harness.path("keys/A.pub"))
        for arguments in [["A"], ["keys/A.key"]] {
            let shown = try await harness.run(["key", "show"] + arguments)
            #expect(shown.output.first?.contains(line.dropFirst(2)) == true && !shown.text.contains("P2PSECRET1_"))
        }
        try await harness.run(["key", "show", "C"]).expectFailure(77, "no key at keys/C.key")
        // keygen refuses such names, so this is a file, and no hint leads to keygen.
        try await harness.run(["key", "show", "C.pub"]).expectFailure(65, "C.pub: no such file", hint: "check the path")
        for command in [["peer", "C.pub", "3001"], ["send", "A", "x", "--as", "C.pub"]] {
            try await harness.run(command).expectFailure(
                77, "no key at keys/C.pub.key", hint: "give the name alone, C; the files are NAME.key and NAME.pub")
        }
    }

    @Test("new --replace revokes the old key, and with --overlap both join until it is over")
    func replace() async throws {
        let old = try await harness.makeKeys(peers: ["A", "B"])
        try await harness.run(["key", "new", "A"]).expectFailure(73, "keys/A.key exists already")
        let a = try await harness.run(["key", "new", "A", "--replace"])
        let b = try await harness.run(["key", "new", "B", "--replace", "--overlap", "1h"])
        #expect(a.status == 0 && b.status == 0, "\(a.text)\(b.text)")
        let list = try harness.read("keys/authorized_peers")
        #expect(list.contains(try Regex("\(old[1]) revoked=\\S+ # replaced\n")))
        #expect(list.contains(try Regex("\(old[2]) until=\\S+\n")))
        for line in a.output + b.output { #expect(list.contains("\(line)\n")) }
        #expect(try harness.mode(of: "keys/A.key") == 0o600)
        #expect(try await harness.run(["key", "verify", "server", "A", "B"]).output == ["ok server", "ok A", "ok B"])
        let server = try await harness.startServer()
        _ = try await harness.joinPeer("A", of: server)
    }

    @Test("new --replace of a key that others can read makes one that they cannot, with a passphrase as before")
    func replaceExposed() async throws {
        try await harness.makeKeys(peers: ["A"])
        for (old, new) in [(0o644, 0o600), (0o660, 0o600), (0o640, 0o640), (0o600, 0o600)] {
            try harness.setMode(old, of: "keys/A.key")
            #expect(try await harness.run(["key", "new", "A", "--replace"]).status == 0)
            #expect(try harness.mode(of: "keys/A.key") == new)
        }
        try harness.write("correct horse\n", to: "passphrase")
        try harness.setMode(0o600, of: "passphrase")
        #expect(try await harness.run(["key", "passphrase", "A", "--new-passphrase-file", "passphrase"]).status == 0)
        try harness.setMode(0o644, of: "keys/A.key")
        let sealed = try harness.read("keys/A.key")
        #expect(sealed.contains("P2PSEALED1_"))
        try await harness.run(["key", "new", "A", "--replace"]).expectFailure(77, "keys/A.key needs a passphrase")
        #expect(try harness.read("keys/A.key") == sealed)
        let replaced = try await harness.run(["key", "new", "A", "--replace", "--passphrase-file", "passphrase"])
        #expect(replaced.status == 0, "\(replaced.text)")
        #expect(try harness.read("keys/A.key").contains("P2PSEALED1_"))
        #expect(try harness.mode(of: "keys/A.key") == 0o600)
    }

    @Test("new --replace lost the old key if NAME.pub could not be replaced", arguments: ["A.pub", "A.key"])
    func replaceFails(file: String) async throws {
        try await harness.makeKeys(peers: ["A"])
        let (key, line) = try (harness.read("keys/A.key"), harness.read("keys/A.pub"))
        try replaceByLink("keys/\(file)")
        try await harness.run(["key", "new", "A", "--replace"])
            .expectFailure(73, "keys/\(file) is a symbolic link")
        #expect(try harness.read("keys/A.key") == key)
        #expect(try harness.read("keys/A.pub") == line)
    }

    @Test("new --replace removed a NAME.pub that others can change if NAME.key could not be replaced")
    func replaceFailsExposed() async throws {
        try await harness.makeKeys(peers: ["A"])
        try harness.setMode(0o666, of: "keys/A.pub")
        try replaceByLink("keys/A.key")
        try await harness.run(["key", "new", "A", "--replace"]).expectFailure(73, "keys/A.key is a symbolic link")
        #expect(harness.exists("keys/A.pub"))
    }

    /// Moves a file, and puts a symbolic link to it in its place.
    private func replaceByLink(_ relative: String) throws {
        let target = harness.path("elsewhere")
        try FileManager.default.moveItem(atPath: harness.path(relative), toPath: target)
        try FileManager.default.createSymbolicLink(atPath: harness.path(relative), withDestinationPath: target)
    }

    @Test("new --replace said that nothing has changed if the list of peers could not be replaced")
    func replaceUnlisted() async throws {
        try await harness.makeKeys(peers: ["A"])
        try replaceByLink("keys/authorized_peers")
        let result = try await harness.run(["key", "new", "A", "--replace", "--overlap", "1h"])
        let key = try #require(try harness.read("keys/A.pub").split(separator: " ").last).dropLast()
        result.expectFailure(73, "keys/authorized_peers is a symbolic link")
        #expect(result.text.contains("next: p2p authorize A \(key) --replace --overlap 3600s"), "\(result.text)")
    }

    @Test("show and verify print JSON")
    func json() async throws {
        let line = try await harness.makeKeys(peers: ["A"])[1]
        let shown = try await harness.run(["key", "show", "A", "--json"]).output
        #expect(shown.count == 1)
        let object = try JSONDecoder().decode([String: String?].self, from: Data(shown[0].utf8))
        #expect(object["name"] == "A" && object["key"] == String(line.dropFirst(2)))
        #expect(object["fingerprint"].flatMap(\.self)?.isEmpty == false)
        let verified = try await harness.run(["key", "verify", "A", "B", "--json"])
        #expect(verified.status == 1)
        #expect(verified.output.first == #"{"name":"A","problem":null,"hint":null}"#)
        #expect(verified.output.last?.hasPrefix(#"{"name":"B","problem":"no key at keys/B.key","hint":""#) == true)
    }

    @Test("verify finds a public file of another key, and a key that is not listed")
    func verify() async throws {
        try await harness.makeKeys(peers: ["A", "B"])
        _ = try await harness.run(["revoke", "B"])
        try harness.write(try harness.read("keys/B.pub").replacing("B ", with: "A "), to: "keys/A.pub")
        let result = try await harness.run(["key", "verify", "A", "B"])
        #expect(result.status == 1)
        #expect(result.output.first?.contains("keys/A.pub is not the public key of keys/A.key") == true)
        #expect(result.output.first?.hasSuffix("p2p key show keys/A.key > keys/A.pub") == true)
        #expect(result.output.last?.contains("does not let this key join as B; p2p authorize B ") == true)
    }
}
