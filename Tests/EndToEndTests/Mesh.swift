internal import Foundation

/// What most scenarios begin with: keys, a server, peers.
extension Stage {
    /// Keys for a server and for `peers`, who may join, in the folder `keys`. Gives the public lines.
    @discardableResult
    func makeKeys(peers: [String] = ["A", "B", "C"]) async throws -> [String] {
        let server = try await run(["keygen"])
        let others = try await run(["keygen"] + peers + ["--authorize"])
        guard server.status == 0, others.status == 0 else {
            throw Missing(what: "keys", from: server.text + "\n" + others.text)
        }
        return server.output + others.output
    }

    /// A server that listens, on `port` of IPv4's loopback unless `arguments` say otherwise.
    func startServer(port: UInt16 = 0, _ arguments: [String] = []) async throws -> Server {
        let program = try start(["server", "--listen", "127.0.0.1:\(port)"] + arguments)
        let line = try await program.waitForLine(matching: "^listening on 127")
        try await program.waitForLine(matching: "^public key ")
        return Server(program: program, address: String(line.dropFirst("listening on ".count)))
    }

    /// A peer that has begun; `port` is a free one unless given.
    func startPeer(
        _ name: String, port: UInt16? = nil, of server: Server, _ arguments: [String] = []
    ) throws -> Program {
        let port = try port ?? UDP.freePort()
        return try start(
            ["peer", name, "\(port)", "--server", server.address, "--broadcast-interval", "200ms"] + arguments)
    }

    /// A peer that has joined.
    func joinPeer(
        _ name: String, port: UInt16? = nil, of server: Server, _ arguments: [String] = []
    ) async throws -> Program {
        let peer = try startPeer(name, port: port, of: server, arguments)
        try await peer.waitForLine(matching: "^joined as \(name) at ")
        return peer
    }

    func path(_ relative: String) -> String {
        folder.appending(path: relative).path
    }

    func read(_ relative: String) throws -> String {
        try String(contentsOf: folder.appending(path: relative), encoding: .utf8)
    }

    func write(_ text: String, to relative: String) throws {
        try Data(text.utf8).write(to: folder.appending(path: relative))
    }

    func mode(of relative: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path(relative))[.posixPermissions] as? Int
    }

    func setMode(_ mode: Int, of relative: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path(relative))
    }

    func exists(_ relative: String) -> Bool {
        FileManager.default.fileExists(atPath: path(relative))
    }
}

struct Server {
    let program: Program
    /// Of the socket on IPv4's loopback.
    let address: String

    var port: UInt16? { address.split(separator: ":").last.flatMap { UInt16($0) } }
}

extension Program {
    /// Waits until so many more messages of `sender` have come.
    func hear(_ sender: String, times count: Int = 1, since mark: Int? = nil) async throws {
        let start = mark ?? self.mark
        try await waitForLine(matching: "^\(sender): ", since: start)
        guard let counter = try lines(matching: "^\(sender): ", since: start).first?.split(separator: "_").last,
            let first = Int(counter)
        else { throw Missing(what: "a counted message of \(sender)", from: "its first") }
        for number in 1..<max(count, 1) {
            try await waitForLine(matching: "^\(sender): .*_\(first + number)$", since: start)
        }
    }
}
