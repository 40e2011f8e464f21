internal import Foundation

/// Functions that create the keys, servers and peers with which most scenarios begin.
extension ProcessHarness {
    /// Creates keys for a server and for authorized peers in the folder `keys`.
    ///
    /// - Returns: The lines with the public keys, as `p2p keygen` prints them. The server's line is the first.
    @discardableResult
    func makeKeys(peers: [String] = ["A", "B", "C"]) async throws -> [String] {
        let server = try await run(["keygen"])
        let others = try await run(["keygen"] + peers + ["--authorize"])
        guard server.status == 0, others.status == 0 else {
            throw MissingOutcome(what: "keys", from: server.text + "\n" + others.text)
        }
        return server.output + others.output
    }

    /// Starts a server and waits until it listens on `port` of 127.0.0.1. For port 0, the system chooses a free port.
    func startServer(
        port: UInt16 = 0, _ arguments: [String] = [], launcher: [String] = []
    ) async throws -> ServerProcess {
        let process = try start(["server", "--listen", "127.0.0.1:\(port)"] + arguments, launcher: launcher)
        let line = try await process.waitForLine(matching: "^listening on 127")
        try await process.waitForLine(matching: "^public key ")
        return ServerProcess(process: process, address: String(line.dropFirst("listening on ".count)))
    }

    /// Creates keys as `makeKeys` does, and starts a server as `startServer` does.
    func makeServer(
        peers: [String] = ["A", "B", "C"], _ arguments: [String] = [], launcher: [String] = []
    ) async throws -> ServerProcess {
        try await makeKeys(peers: peers)
        return try await startServer(arguments, launcher: launcher)
    }

    /// Starts a peer. If `port` is nil, the peer gets a free port.
    func startPeer(
        _ name: String, port: UInt16? = nil, of server: ServerProcess, _ arguments: [String] = [],
        launcher: [String] = []
    ) throws -> RunningProcess {
        let port = try port ?? UDP.freePort()
        return try start(
            ["peer", name, "\(port)", "--server", server.address, "--broadcast-interval", "200ms"] + arguments,
            launcher: launcher)
    }

    /// Starts a peer and waits until it has joined.
    func joinPeer(
        _ name: String, port: UInt16? = nil, of server: ServerProcess, _ arguments: [String] = [],
        launcher: [String] = []
    ) async throws -> RunningProcess {
        let peer = try startPeer(name, port: port, of: server, arguments, launcher: launcher)
        try await peer.waitForLine(matching: "^joined as \(name) at ")
        return peer
    }

    /// Creates keys and starts a server as `makeServer` does, and joins the peers A and B.
    func makeMesh(
        peers: [String] = ["A", "B", "C"], _ arguments: [String] = []
    ) async throws -> (server: ServerProcess, a: RunningProcess, b: RunningProcess) {
        let server = try await makeServer(peers: peers, arguments)
        let a = try await joinPeer("A", of: server)
        let b = try await joinPeer("B", of: server)
        return (server, a, b)
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

struct ServerProcess {
    let process: RunningProcess
    /// The server's address: 127.0.0.1 and the port.
    let address: String

    var port: UInt16? { address.split(separator: ":").last.flatMap { UInt16($0) } }
}

extension RunningProcess {
    /// Waits until this process has printed `count` messages of `sender` with consecutive numbers.
    ///
    /// - Parameter mark: The mark before which lines are ignored; nil for the mark at the time of the call.
    func waitForMessages(from sender: String, count: Int = 1, since mark: Int? = nil) async throws {
        let start = mark ?? self.mark
        try await waitForLine(matching: "^\(sender): ", since: start)
        guard let counter = try lines(matching: "^\(sender): ", since: start).first?.split(separator: "_").last,
            let first = Int(counter)
        else { throw MissingOutcome(what: "a counted message of \(sender)", from: "its first") }
        for number in 1..<max(count, 1) {
            try await waitForLine(matching: "^\(sender): .*_\(first + number)$", since: start)
        }
    }
}
