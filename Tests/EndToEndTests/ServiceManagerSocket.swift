internal import Foundation

/// A socket in the role of a service manager: it receives the states that services report.
final class ServiceManagerSocket: Sendable {
    /// The variables of one datagram. For `READY=1`, the key is `READY` and the value is `1`.
    typealias State = [String: String]

    /// The name of the socket, as a service expects it in the environment variable NOTIFY_SOCKET.
    let name: String
    private let descriptor: Int32

    convenience init(in harness: ProcessHarness) throws {
        let path = harness.path("\(UInt16.random(in: 0...UInt16.max))")
        try self.init(name: path, path: Array(path.utf8) + [0])
    }

    convenience init(abstractName: String) throws {
        try self.init(name: "@\(abstractName)", path: [0] + Array(abstractName.utf8))
    }

    private init(name: String, path: [UInt8]) throws {
        self.name = name
        #if canImport(Darwin)
            let address = [UInt8(path.count + 2), UInt8(AF_UNIX)] + path
        #else
            let address = [UInt8(AF_UNIX), 0] + path
        #endif
        descriptor = socket(AF_UNIX, UDP.socketKind, 0)
        let result = unsafe address.withUnsafeBytes { bytes -> Int32 in
            guard let start = bytes.baseAddress else { return -1 }
            return unsafe bind(
                descriptor, start.assumingMemoryBound(to: sockaddr.self), socklen_t(address.count))
        }
        guard descriptor >= 0, result == 0 else { throw MissingOutcome(what: "a socket", from: name) }
    }

    deinit {
        close(descriptor)
    }

    /// Sends empty datagrams to this socket until its receive queue is full.
    func fill() {
        // The system also limits how many datagrams of one sender may wait, so there is more than one sender. The
        // receive queue is full when a new sender cannot send even one datagram.
        while sendEmptyDatagrams() > 0 {}
    }

    private func sendEmptyDatagrams() -> Int {
        let sender = socket(AF_UNIX, UDP.socketKind, 0)
        defer { close(sender) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name.utf8) }
        return unsafe withUnsafePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                var count = 0
                let size = socklen_t(MemoryLayout<sockaddr_un>.size)
                while unsafe sendto(sender, "", 0, Int32(MSG_DONTWAIT), $0, size) >= 0 { count += 1 }
                return count
            }
        }
    }

    /// Returns the states that have arrived since the last call.
    func states() -> [State] {
        var states: [State] = []
        while let state = take() { states.append(state) }
        return states
    }

    /// Reads states until `isWanted` returns true for one of them. Drops the states before it.
    ///
    /// - Returns: The state for which `isWanted` returned true.
    @discardableResult
    func waitForState(
        within limit: Duration = .seconds(10), _ isWanted: (State) -> Bool
    ) async throws -> State {
        let deadline = ContinuousClock.now + limit
        var seen: [State] = []
        while true {
            if let state = take() {
                if isWanted(state) { return state }
                seen.append(state)
                continue
            }
            guard ContinuousClock.now < deadline else { throw MissingOutcome(what: "a state", from: "\(seen)") }
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            _ = unsafe poll(&waiting, 1, 100)
        }
    }

    /// Reads the oldest waiting state; nil if no state is waiting.
    private func take() -> State? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        guard count >= 0 else { return nil }
        let lines = String(decoding: buffer.prefix(count), as: UTF8.self).split(separator: "\n")
        let pairs = lines.map { line in
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
        return State(pairs) { $1 }
    }
}
