import Foundation
import SelfTest
import Testing

@testable import SecureMesh

/// Tests the file in which a server keeps its directory across a restart.
@Suite("The file of the directory") struct DirectoryFileTests {
    private let mesh = Fixture.serverKey.publicKey

    private func makeFolder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "directory-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return folder
    }

    /// Creates a folder, calls `body` with the path of a file in it, and then removes the folder.
    private func withPath(_ body: (String) throws -> Void) throws {
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body("\(folder)/members")
    }

    private func member(_ number: UInt64) throws -> KeptMember {
        KeptMember(entry: try .sample(number), local: Fixture.address(9))
    }

    /// Returns a member whose key, address and name differ for each number.
    private func distinctMember(_ number: UInt64) throws -> KeptMember {
        let sample = try Entry.sample(number)
        var identity = [UInt8](repeating: 7, count: 24)
        identity.append(bigEndian: number)
        let entry = Entry(
            session: sample.session, identity: PublicKey(bytes: Bytes32(identity.span)),
            agreementKey: sample.agreementKey, binding: sample.binding, address: sample.address, name: sample.name)
        return KeptMember(entry: entry, local: Fixture.address(9))
    }

    private func store(_ members: [KeptMember], in path: String) throws {
        let file = try DirectoryFile(path, mesh: mesh)
        #expect(file.store(KeptChange(id: 5, version: 2, starts: 1, added: members)) == nil)
    }

    private func content(of path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path)))
    }

    @Test("what is stored is read again, and the slots of removed members are used again")
    func stored() throws {
        try withPath { path in
            var random = RandomSource.seeded(7)
            var model = KeptDirectory()
            var next: UInt64 = 1
            for round in 0..<20 {
                let file = try DirectoryFile(path, mesh: mesh)
                #expect(file.kept == model)
                for step in 0..<10 {
                    let removed = model.members.keys.sorted().filter { _ in random.next() % 3 == 0 }
                    let added = try (0..<random.next() % 5).map { try member(next + $0) }
                    next += UInt64(added.count)
                    let change = KeptChange(
                        id: 5, version: UInt64(2 + round * 10 + step), starts: UInt64(round + 1), removed: removed,
                        added: added)
                    #expect(file.store(change) == nil)
                    model.apply(change)
                }
            }
            #expect(try content(of: path).count <= 256 * 40)
            #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test("a server that starts again with 5,000 members reports each of them")
    func reported() async throws {
        let folder = try makeFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/members"
        let members = try (1...5_000).map { try distinctMember($0) }
        try store(members, in: path)
        var configuration = MeshServer.Configuration(
            key: Fixture.serverKey, roster: .open, listen: [try SocketAddress("127.0.0.1:0")])
        configuration.directoryFile = path
        let server = try MeshServer(configuration, logger: LoopbackMesh.quiet)
        let events = server.events
        let running = Task { try await server.run() }
        var names: Set<PeerName> = []
        for await event in events.prefix(members.count) {
            guard case .joined(let member) = event else {
                Issue.record("\(event)")
                break
            }
            names.insert(member.name)
        }
        #expect(names.count == members.count)
        running.cancel()
        _ = await running.result
    }

    @Test("a slot that was written only in part, or that repeats a session, counts as free")
    func torn() throws {
        try withPath { path in
            do {
                let file = try DirectoryFile(path, mesh: mesh)
                let change = KeptChange(id: 5, version: 2, starts: 1, added: try (1...3).map(member))
                #expect(file.store(change) == nil)
            }
            var bytes = try content(of: path)
            bytes[2 * 256 + 100] ^= 1
            let repeated = Array(bytes[256..<512])
            bytes += [UInt8](repeating: 0, count: 4 * 256 - bytes.count) + repeated
            try Data(bytes).write(to: URL(filePath: path))
            let file = try DirectoryFile(path, mesh: mesh)
            let kept = try #require(file.kept)
            #expect(Set(kept.members.values.map(\.entry)) == [try member(1).entry, try member(3).entry])
            #expect(kept.version == 2 && kept.id == 5)
        }
    }

    @Test("a file cut at any size is read without a trap")
    func cut() throws {
        try withPath { path in
            do {
                let file = try DirectoryFile(path, mesh: mesh)
                let change = KeptChange(id: 5, version: 2, starts: 1, added: try (1...2).map(member))
                #expect(file.store(change) == nil)
            }
            let bytes = try content(of: path)
            for size in stride(from: 0, to: bytes.count, by: 7) {
                try Data(bytes.prefix(size)).write(to: URL(filePath: path))
                let file = try? DirectoryFile(path, mesh: mesh)
                #expect((file == nil) == (1..<72).contains(size), "\(size)")
            }
        }
    }

    @Test("a file that another server uses, or that belongs to another server key, is refused and stays as it is")
    func foreign() throws {
        try withPath { path in
            do {
                let file = try DirectoryFile(path, mesh: mesh)
                #expect(file.store(KeptChange(id: 5, version: 2, starts: 1, added: [try member(1)])) == nil)
                #expect(throws: MeshError.cannotKeepDirectory(path: path, reason: "another server uses it")) {
                    try DirectoryFile(path, mesh: mesh)
                }
            }
            let bytes = try content(of: path)
            let reason = "it holds the directory of another server key"
            #expect(throws: MeshError.cannotKeepDirectory(path: path, reason: reason)) {
                try DirectoryFile(path, mesh: Fixture.otherKey.publicKey)
            }
            #expect(try content(of: path) == bytes)
        }
    }

    @Test("other files, links, folders, and files that others can change or replace are refused")
    func unsuitable() throws {
        try withPath { path in
            try Data("A p2ppub1_".utf8).write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            #expect(throws: MeshError.cannotKeepDirectory(path: path, reason: "it holds something else")) {
                try DirectoryFile(path, mesh: mesh)
            }
            #expect(try content(of: path) == Array("A p2ppub1_".utf8))
            let (link, folder) = ("\(path).link", KeyFile.folder(of: path))
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
            #expect(throws: MeshError.self) { try DirectoryFile(link, mesh: mesh) }
            #expect(throws: MeshError.self) { try DirectoryFile(folder, mesh: mesh) }
            #expect(throws: MeshError.self) { try DirectoryFile("\(folder)/no/members", mesh: mesh) }
            let error = MeshError.cannotKeepDirectory(path: path, reason: "other users can change or replace it")
            try Data().write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o622], ofItemAtPath: path)
            #expect(throws: error) { try DirectoryFile(path, mesh: mesh) }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
            #expect(throws: error) { try DirectoryFile(path, mesh: mesh) }
        }
    }
}
