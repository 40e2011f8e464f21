internal import SecureMeshCore

/// Measures the longest step of the event loop, in CPU time, in several situations with the largest directories.
///
/// A step is one call of a state machine, together with taking all outputs of that call. While a step runs, the event
/// loop handles no datagrams and sends no heartbeats.
struct LongestSteps {
    private struct Result {
        let name: String
        /// The longest permitted step.
        let goal: Duration
        var longest = Duration.zero
        var steps = 0
        var total = Duration.zero
    }

    /// The longest permitted step in a mesh of `Limits.maximumPeers` members. A heartbeat that becomes due during a
    /// step is sent at most this much too late.
    static let goal = Duration.milliseconds(100)
    /// The longest permitted step of a peer with the largest directory that the protocol permits. No mesh with a
    /// server's default limits has so large a directory.
    static let largestGoal = Duration.milliseconds(250)

    private var results: [Result] = []

    /// Measures all situations.
    ///
    /// - Parameters:
    ///   - members: The number of members of the server.
    ///   - entries: The number of entries in the directory of a peer.
    init(members: Int = Limits.maximumPeers, entries: Int = Limits.directoryEntries) {
        measureBroadcast(members)
        measureReplica(members, goal: Self.goal)
        measureReplica(entries, goal: Self.largestGoal)
        measureServer(members)
    }

    /// Prints a table. Returns true if no step is longer than its goal.
    func report() -> Bool {
        func milliseconds(_ duration: Duration) -> String {
            let tenths = duration / .microseconds(100)
            return "\(Int(tenths) / 10).\(Int(tenths) % 10) ms"
        }
        print("| situation | longest step | steps | all steps |\n|---|---:|---:|---:|")
        for result in results {
            let (longest, total) = (milliseconds(result.longest), milliseconds(result.total))
            let mark = result.longest > result.goal ? " **more than \(milliseconds(result.goal))**" : ""
            print("| \(result.name) | \(longest)\(mark) | \(result.steps) | \(total) |")
        }
        return results.allSatisfy { $0.longest <= $0.goal }
    }

    // MARK: measuring

    /// Runs one step and adds its CPU time to the results of the situation `name`.
    private mutating func step(_ name: String, goal: Duration = Self.goal, _ body: () -> Void) {
        let before = ThreadClock.now
        body()
        let time = ThreadClock.now - before
        if results.last?.name != name { results.append(Result(name: name, goal: goal)) }
        let last = results.count - 1
        results[last].longest = max(results[last].longest, time)
        results[last].steps += 1
        results[last].total += time
    }

    // MARK: a peer

    /// Measures the first broadcast to `count` members.
    private mutating func measureBroadcast(_ count: Int) {
        var mesh = BenchmarkMember(others: count)
        for part in mesh.snapshot() { mesh.handle(part) }
        mesh.pulse()
        let name = "a peer's first broadcast to \(count) members"
        var sent = 0
        step(name) {
            precondition(mesh.broadcast([1]) == count, "not a member")
            sent += mesh.take().messages
        }
        while sent < count, let deadline = mesh.peer.nextDeadline {
            mesh.now = max(mesh.now, deadline)
            step(name) {
                mesh.handleTimeout()
                sent += mesh.take().messages
            }
            // Without PULSEs, the peer would lose the server.
            mesh.pulse()
        }
    }

    /// Measures a directory of `count` entries at a peer: the first SNAPSHOT, and the first SNAPSHOT of a server that
    /// was restarted.
    private mutating func measureReplica(_ count: Int, goal: Duration) {
        var mesh = BenchmarkMember(others: count - 1)
        func collect(_ name: String) {
            for part in mesh.snapshot() {
                step(name, goal: goal) {
                    mesh.handle(part)
                    mesh.take()
                }
            }
            let pulse = mesh.nextPulse()
            step("\(name), its digest and `joined`", goal: goal) {
                mesh.handle(pulse)
                mesh.take()
            }
            precondition(mesh.peer.memberCount == count && mesh.peer.maySpeak(mesh.now), "not a member")
        }
        collect("a peer's SNAPSHOT of \(count) entries")
        mesh.restartServer()
        collect("a peer's SNAPSHOT of \(count) entries after a restart of the server")
        mesh.now = mesh.now + ProtocolConstants.pairLingering
        while mesh.formerSessions > 0, let due = mesh.peer.nextDeadline {
            mesh.now = max(mesh.now, due)
            step("the end of \(count) former sessions at a peer", goal: goal) {
                mesh.handleTimeout()
                mesh.take()
            }
        }
    }

    // MARK: a server

    /// Measures a server with `count` members that makes a SNAPSHOT of its directory and sends it to a newcomer.
    private mutating func measureServer(_ count: Int) {
        var mesh = BenchmarkMesh(
            members: count, batch: Delta.mostAdditions, active: 0, lifetime: .seconds(36_000))
        // The server would send a recent SNAPSHOT instead of a new one, so time passes first.
        for _ in 0..<100 { mesh.advance(by: .seconds(1)) }
        var newcomer = mesh.makeNewcomer()
        var now = mesh.now
        let server = "a server's SNAPSHOT of \(count) entries, with its PULSEs and DELTAs"
        let path = Path(remote: BenchmarkMesh.senderAddress)
        var answers: [[UInt8]] = []
        func take(_ registry: inout Registry) {
            while let output = registry.pollOutput() {
                guard case .transmit(let transmit) = output, transmit.path.remote == path.remote else { continue }
                answers.append(transmit.bytes)
            }
        }
        while newcomer.version < mesh.registry.version {
            now = now + .milliseconds(1)
            if let deadline = mesh.registry.nextDeadline, deadline <= now {
                step(server) {
                    mesh.registry.handleTimeout(now: now)
                    take(&mesh.registry)
                }
            }
            if let deadline = newcomer.nextDeadline, deadline <= now { newcomer.handleTimeout(now: now) }
            var sent: [[UInt8]] = []
            repeat {
                for bytes in answers { newcomer.handle(bytes.span, path: Path(remote: BenchmarkMesh.server), now: now) }
                answers = []
                sent = []
                while let output = newcomer.pollOutput() {
                    if case .transmit(let transmit) = output { sent.append(transmit.bytes) }
                }
                for bytes in sent {
                    step(server) {
                        mesh.registry.handle(bytes.span, path: path, now: now)
                        take(&mesh.registry)
                    }
                }
            } while !sent.isEmpty
        }
    }
}
