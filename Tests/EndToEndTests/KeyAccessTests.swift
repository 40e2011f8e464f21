internal import Foundation
internal import SecureMesh
internal import Testing

/// Tests key files that other users can read, change or replace, and key files that only seem to be exposed.
@Suite("access to keys", .processes, .serialized)
struct KeyAccessTests {
    private let harness = ProcessHarness.current

    /// Returns true if this test run may change the owner of files, and can run p2p as another user.
    static func canGiveAway() async throws -> Bool {
        guard geteuid() == 0 else { return false }
        return try await BadInputTests.canBeNobody()
    }

    private static let nobody: UInt32 = 65_534

    private func give(_ relative: String, to user: UInt32) throws {
        try FileManager.default.setAttributes([.ownerAccountID: user], ofItemAtPath: harness.path(relative))
    }

    /// Sets the ACL that systemd sets on a credential: only the owner and `user` may read the file. Its mode becomes
    /// 0440.
    ///
    /// - Returns: False if the file system has no ACLs.
    private func setCredentialACL(_ relative: String, user: UInt32) throws -> Bool {
        let entries: [(tag: UInt8, permissions: UInt8, id: UInt32)] = [
            (1, 4, .max), (2, 4, user), (4, 0, .max), (0x10, 4, .max), (0x20, 0, .max),
        ]
        var acl: [UInt8] = [2, 0, 0, 0]
        for entry in entries {
            acl += [entry.tag, 0, entry.permissions, 0]
            for shift in stride(from: 0, to: 32, by: 8) { acl.append(UInt8(truncatingIfNeeded: entry.id >> shift)) }
        }
        do throws(SystemError) {
            try OpenFile(harness.path(relative), O_RDONLY).setAccessList(acl)
            return true
        } catch {
            guard error.code == ENOTSUP else { throw error }
            return false
        }
    }

    @Test(
        "a systemd credential, whose mode shows 0440, is accepted by the service it is for",
        .enabled("needs root, and setpriv", canGiveAway))
    func credential() async throws {
        try await harness.makeKeys(peers: ["A"])
        try harness.setMode(0o755, of: "keys")
        guard try setCredentialACL("keys/server.key", user: Self.nobody) else { return }
        #expect(try harness.mode(of: "keys/server.key") == 0o440)
        _ = try await harness.startServer(launcher: BadInputTests.nobody)
        // A file with the same ACL, but for the service of another user, is refused.
        #expect(try setCredentialACL("keys/A.key", user: 12_345))
        try await harness.run(["peer", "A", "3001"])
            .expectFailure(77, "keys/A.key: can be read by others", hint: "chmod 600 keys/A.key")
    }

    @Test("a key that only its group may read is accepted with --group-readable-key, and the hint says so")
    func groupReadable() async throws {
        try await harness.makeKeys(peers: ["A"])
        try harness.setMode(0o440, of: "keys/server.key")
        try await harness.run(["server", "--listen", "127.0.0.1:0"])
            .expectFailure(77, "keys/server.key: can be read by its group", hint: "--group-readable-key")
        let server = try await harness.startServer(["--group-readable-key"])
        try harness.setMode(0o640, of: "keys/A.key")
        _ = try await harness.joinPeer("A", of: server, ["--group-readable-key"])
        for mode in [0o660, 0o644, 0o604] {
            try harness.setMode(mode, of: "keys/A.key")
            try await harness.run(["peer", "A", "3001", "--group-readable-key"])
                .expectFailure(77, "keys/A.key: can be read by others", hint: "chmod 600 keys/A.key")
        }
    }

    @Test("a secret that a link leads to in a folder with the sticky bit is accepted, as in Kubernetes")
    func stickyFolder() async throws {
        try await harness.makeKeys(peers: ["A"])
        let files = FileManager.default
        try files.createDirectory(atPath: harness.path("secret/..data"), withIntermediateDirectories: true)
        try files.moveItem(atPath: harness.path("keys/server.key"), toPath: harness.path("secret/..data/server.key"))
        try files.createSymbolicLink(
            atPath: harness.path("secret/server.key"), withDestinationPath: "..data/server.key")
        try harness.setMode(0o1777, of: "secret")
        _ = try await harness.startServer(["--key", "secret/server.key"])
        try harness.setMode(0o777, of: "secret")
        try await harness.run(["server", "--key", "secret/server.key"])
            .expectFailure(77, "other users can replace it, because they can change secret", hint: "chmod go-w secret")
    }

    @Test(
        "a key that belongs to another user is refused, also if root runs the server",
        .enabled("needs root, and setpriv", canGiveAway))
    func ownedByAnother() async throws {
        try await harness.makeKeys(peers: ["A"])
        try give("keys/server.key", to: Self.nobody)
        try await harness.run(["server", "--listen", "127.0.0.1:0"])
            .expectFailure(
                77, "keys/server.key: belongs to another user",
                hint: "as the user who owns keys/server.key, or: chown 0 keys/server.key")
        try give("keys/server.key", to: 0)
        try give("keys/authorized_peers", to: Self.nobody)
        try await harness.run(["server", "--listen", "127.0.0.1:0"])
            .expectFailure(77, "keys/authorized_peers: belongs to another user")
    }

    @Test("a list of peers or a folder that other users can change is refused, and the hint mends it")
    func writable() async throws {
        try await harness.makeKeys(peers: ["A"])
        for (path, mode, mended) in [("keys/authorized_peers", 0o666, 0o644), ("keys", 0o777, 0o755)] {
            try harness.setMode(mode, of: path)
            let refused = try await harness.run(["server", "--listen", "127.0.0.1:0"])
            refused.expectFailure(77, "other users", hint: "chmod go-w \(path)")
            try harness.setMode(mended, of: path)
        }
        try harness.setMode(0o664, of: "keys/server.pub")
        try await harness.run(["peer", "A", "3001"])
            .expectFailure(77, "keys/server.pub: can be changed by other users", hint: "chmod go-w keys/server.pub")
        try harness.setMode(0o644, of: "keys/server.pub")

        // A running server does not read a list that other users can change, either.
        let server = try await harness.startServer()
        try harness.setMode(0o666, of: "keys/authorized_peers")
        server.process.send(SIGHUP)
        try await server.process.waitForLine(
            matching: "^p2p: error: keys/authorized_peers: can be changed", on: .errors)
        try await server.process.waitForLine(matching: "^p2p: the previous list stays in force$", on: .errors)
    }

    @Test(
        "keygen on a file system without access modes says that chmod may have no effect",
        .enabled(if: BindMount.bindfs != nil, "needs root, bindfs and /dev/fuse"))
    func withoutAccessModes() async throws {
        let files = FileManager.default
        for folder in ["disk", "mount"] {
            try files.createDirectory(atPath: harness.path(folder), withIntermediateDirectories: true)
        }
        // In this folder `chmod` has no effect, as on FAT.
        let mount = try await BindMount(of: "disk", at: "mount", ["--perms=0777", "--chmod-ignore"], in: harness)
        defer { mount.end() }
        try await harness.run(["keygen", "A", "--keys", "mount/keys"])
            .expectFailure(
                77, "other users can replace it",
                hint: "chmod go-w mount/keys; if that has no effect, choose a file system that keeps access modes")
        #expect(try files.contentsOfDirectory(atPath: harness.path("disk/keys")).isEmpty)
    }

    @Test("a comment after blanks in server.pub is a comment, and no key in it is pinned")
    func commentInPublicFile() async throws {
        let keys = try await harness.makeKeys(peers: ["A"])
        let old = try #require(try await harness.run(["keygen", "old"]).output.first)
        try harness.write("  # the old one was \(old)\n\(keys[0])\n", to: "keys/server.pub")
        let server = try await harness.startServer()
        _ = try await harness.joinPeer("A", of: server)
    }
}
