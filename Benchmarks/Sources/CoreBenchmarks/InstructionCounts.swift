internal import CCallgrind
internal import SecureMeshCore

/// Counts the instructions for one change of the directory, and for a heartbeat, in meshes of several sizes.
/// `Benchmarks/instructions` runs this under callgrind, and prints the counts.
struct InstructionCounts {
    /// The number of members.
    private let size: Int
    /// The number of samples for each operation whose cost does not depend on the number of members.
    private let samples = 8
    /// True if the instructions are counted.
    private let isCounted: Bool

    /// Runs each operation in a mesh of `size` members.
    ///
    /// Before that, runs each operation in a small mesh. The first time that a program uses a type, the Swift runtime
    /// searches for the protocols that the type conforms to. These instructions are not counted.
    static func measure(size: Int) {
        InstructionCounts(size: 60, isCounted: false).measure()
        InstructionCounts(size: size, isCounted: true).measure()
    }

    private func measure() {
        // The long lifetime keeps members from expiring, because most of them send no heartbeats. The server treats
        // them like any other member.
        var mesh = BenchmarkMesh(
            members: size, batch: Delta.mostAdditions, active: 40, lifetime: .seconds(36_000))
        measureHeartbeats(&mesh)
        measureJoins(&mesh)
        measureLeaves(&mesh)
        measurePeer(&mesh)
        measureBroadcast(&mesh)
    }

    /// Counts the instructions of `body`. `Benchmarks/instructions` adds up the counts that have the same name.
    ///
    /// - Parameter operations: The number of operations in `body`.
    private func count(
        _ name: String, _ mesh: inout BenchmarkMesh, operations: Int, _ body: (inout BenchmarkMesh) -> Void
    ) {
        guard isCounted else { return body(&mesh) }
        let description = "\(size)|\(name)|\(operations)"
        callgrind_begin()
        body(&mesh)
        unsafe callgrind_end(description)
        print(description)
    }

    private func measureHeartbeats(_ mesh: inout BenchmarkMesh) {
        // The active members sent no heartbeat while the others joined, so their tokens are old.
        for _ in 0..<2 { mesh.handle(mesh.heartbeats()) }
        let heartbeats = mesh.heartbeats()
        let first = Array(heartbeats.prefix(samples))
        count("heartbeat at the server", &mesh, operations: samples) { $0.handle(first) }
        mesh.handle(Array(heartbeats.dropFirst(samples)))
        let due = mesh.now + BenchmarkMesh.heartbeat
        count("PULSE, per member", &mesh, operations: mesh.registry.memberCount) { $0.finishSlices(due) }
        mesh.handle(mesh.heartbeats())
        for isCounted in [false, true] {
            mesh.registry.handleTimeout(now: mesh.now + .milliseconds(600))
            mesh.finishSlices(mesh.now)
            let now = mesh.now + .milliseconds(601)
            if isCounted {
                count("sweep, per member", &mesh, operations: mesh.registry.memberCount) {
                    $0.registry.handleDrained(now: now)
                }
            } else {
                mesh.registry.handleDrained(now: now)
            }
            mesh.advance(by: .seconds(1))
        }
    }

    private func measureJoins(_ mesh: inout BenchmarkMesh) {
        let hellos = (0..<samples).map { _ in mesh.hello() }
        count("HELLO", &mesh, operations: samples) { $0.handle(hellos) }
        mesh.delayChanges()
        let confirms = mesh.confirms(1)
        let before = mesh.registry.memberCount
        count("CONFIRM and the first parts", &mesh, operations: 1) { $0.handle(confirms) }
        precondition(mesh.registry.memberCount == before + 1, "the newcomer was refused")
        let due = mesh.now + Limits.tick
        count("DELTA of a join, per member", &mesh, operations: mesh.registry.memberCount) { $0.finishSlices(due) }
        mesh.settle()
    }

    private func measureLeaves(_ mesh: inout BenchmarkMesh) {
        mesh.delayChanges()
        let leaves = mesh.leave(1)
        count("LEAVE", &mesh, operations: 1) { $0.handle(leaves) }
        let due = mesh.now + Limits.tick
        count("DELTA of a leave, per member", &mesh, operations: mesh.registry.memberCount) { $0.finishSlices(due) }
        mesh.settle()
    }

    private func measurePeer(_ mesh: inout BenchmarkMesh) {
        for (name, isJoin) in [("DELTA of a join at a peer", true), ("DELTA of a leave at a peer", false)] {
            for _ in 0..<samples {
                let deltas = mesh.hold(.delta) {
                    if isJoin { $0.addMember() } else { $0.handleAndRoute($0.leave(1)) }
                }
                count(name, &mesh, operations: 1) { $0.handleAtPeer(deltas) }
                mesh.settle()
            }
        }
        // The directory has changed since the peer last computed its digest.
        mesh.addMember()
        mesh.settle()
        for name in ["PULSE at a peer, with a digest", "PULSE at a peer"] {
            let pulses = mesh.hold(.pulse) { $0.advance(by: BenchmarkMesh.heartbeat) }
            count(name, &mesh, operations: 1) { $0.handleAtPeer(pulses) }
        }
    }

    /// The first broadcast is not counted, because it also derives the keys with all receivers.
    private func measureBroadcast(_ mesh: inout BenchmarkMesh) {
        let body = [UInt8](repeating: 7, count: 20)
        _ = mesh.broadcast(body)
        mesh.settle()
        count("broadcast, per receiver", &mesh, operations: mesh.registry.memberCount - 1) { _ = $0.broadcast(body) }
    }
}

extension BenchmarkMesh {
    /// Lets the server handle its timeouts at `due`, in as many slices as the server needs, and also the slices of a
    /// PULSE that the server spreads. Drops the datagrams that the server sends.
    fileprivate mutating func finishSlices(_ due: Instant) {
        var now = due
        repeat {
            registry.handleTimeout(now: now)
            while registry.pollOutput() != nil {}
            now = now + .nanoseconds(1)
            if registry.isSpreadingPulse, let deadline = registry.nextDeadline { now = max(now, deadline) }
        } while registry.nextDeadline.map { $0 <= now } == true
    }

    /// Waits until the server has published all changes, may send the next DELTAs at once, and spreads no PULSE.
    fileprivate mutating func settle() {
        repeat { advance(by: .milliseconds(20)) } while !registry.hasPublishedAll
        advance(by: .seconds(2))
        while registry.isSpreadingPulse { advance(by: .milliseconds(20)) }
    }

    /// Makes the server publish a change of the directory. It then publishes the next change only `Limits.tick` later.
    fileprivate mutating func delayChanges() {
        settle()
        handleAndRoute(leave(1))
        finishSlices(now)
    }

    fileprivate mutating func handleAndRoute(_ datagrams: [Datagram]) {
        for (bytes, path) in datagrams { deliver(bytes, from: path.remote) }
    }

    /// Returns the first datagram of a kind that the server sends to the first peer, during `action` or after it. The
    /// datagram is not delivered.
    fileprivate mutating func hold(_ kind: Kind, _ action: (inout BenchmarkMesh) -> Void) -> [[UInt8]] {
        heldKinds = [kind]
        action(&self)
        while held[kind] == nil { advance(by: .milliseconds(1)) }
        heldKinds = []
        return Array(takeHeld(kind).prefix(1))
    }

    fileprivate mutating func handleAtPeer(_ datagrams: [[UInt8]]) {
        for bytes in datagrams { peer.handle(bytes.span, path: Path(remote: Self.server), now: now) }
        while peer.pollOutput() != nil {}
    }
}
