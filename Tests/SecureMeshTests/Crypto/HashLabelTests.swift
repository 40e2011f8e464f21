import SecureMesh
import SelfTest
import Testing

@Suite("Hash labels")
struct HashLabelTests {
    @Test(
        "no label is empty, longer than a key, or not ASCII: an empty key would be none", arguments: HashLabel.allCases)
    func lengths(_ label: HashLabel) {
        #expect((1...32).contains(label.text.utf8.count))
        #expect(label.text.utf8.allSatisfy { (0x20...0x7E).contains($0) })
        #expect(label.key.array.count == 32)
        #expect(label.key.array.starts(with: label.text.utf8))
        #expect(label.key.array.dropFirst(label.text.utf8.count).allSatisfy { $0 == 0 })
    }

    @Test("no two labels have the same key")
    func unique() {
        #expect(Set(HashLabel.allCases.map(\.key)).count == HashLabel.allCases.count)
    }

    @Test("two labels give two digests of one input")
    func separation() {
        let input = Array("input".utf8)
        let digests = HashLabel.allCases.map { Sodium.hash($0, input.span) }
        #expect(Set(digests).count == HashLabel.allCases.count)
    }

    @Test("the labels are those of PROTOCOL.md")
    func names() {
        #expect(
            Set(HashLabel.allCases.map(\.text)) == [
                "tag", "transcript", "transcript reject", "transcript resume", "hello", "reject", "welcome", "resume",
                "master", "peer to server",
                "server to peer", "binder", "cookie", "token", "directory entry", "directory bucket", "directory group",
                "directory", "message", "key text",
            ])
    }

    @Test("deriving gives the same as hashing the public and secret values in order")
    func deriving() {
        let input = SecretInput()
        input.append(Fixture.secret(1))
        input.append(Fixture.digest(2))
        input.append(Bytes16([UInt8](repeating: 3, count: 16).span))
        input.append(0x0405_0607_0809_0A0B as UInt64)
        input.append(Fixture.address(9))
        var bytes = [UInt8](repeating: 1, count: 32) + [UInt8](repeating: 2, count: 32)
        bytes += [UInt8](repeating: 3, count: 16) + [4, 5, 6, 7, 8, 9, 10, 11]
        Fixture.address(9).append(to: &bytes)
        #expect(Sodium.derive(.cookie, input).array == Sodium.hash(.cookie, bytes.span).array)
    }

    @Test("an empty input has a hash")
    func emptyInput() {
        let empty: [UInt8] = []
        #expect(Sodium.hash(.tag, empty.span) != Sodium.hash(.hello, empty.span))
        #expect(Sodium.hash(.tag, empty.span) == Sodium.hash(.tag, empty.span))
        #expect(Sodium.derive(.tag, SecretInput()).array == Sodium.hash(.tag, empty.span).array)
    }
}
