import MeshSimulator
import SecureMeshCore
import Synchronization

/// Runs operations on a `HostileMesh`. An input first chooses a mesh. Then each operation is one byte with the
/// operation's number, followed by the choices of the operation.
package enum MeshCheck {
    package static func failure(of input: [UInt8]) -> String? {
        settledMeshes.withLock { failure(of: input, $0) }
    }

    private static func failure(of input: [UInt8], _ settled: [HostileMesh]) -> String? {
        var choices = FuzzInput(input)
        let mesh = mesh(&choices, settled)
        for count in 0..<maximumOperations {
            guard !choices.isAtEnd else { break }
            let operation = choices.element(of: MeshOperation.allCases)
            operation.carryOut(in: mesh, &choices)
            if let failure = mesh.failure { return "operation \(count), \(operation): \(failure)" }
        }
        return mesh.failure
    }

    /// Returns the mesh that an input chooses. For most inputs, it is a copy of a mesh in which peers have joined. For
    /// the others, it is an empty mesh; the input chooses its seed and roster.
    private static func mesh(_ choices: inout FuzzInput, _ settled: [HostileMesh]) -> HostileMesh {
        let first = choices.byte()
        if first < Self.settled { return HostileMesh(copying: settled[Int(first) % settled.count]) }
        return HostileMesh(seed: UInt64(first) << 32, roster: roster(choices.uint16()))
    }

    /// Four meshes in which peers have joined:
    ///
    /// - three peers;
    /// - three peers, and a member that an attacker controls;
    /// - as many peers as the server admits;
    /// - three peers, with a roster that lets anyone join.
    private static let settledMeshes = Mutex(settle())

    private static func settle() -> sending [HostileMesh] {
        let three = (0..<3).map { MeshOperation.start.bytes($0, $0, $0) } + [MeshOperation.run.bytes(3)]
        let insider = [
            MeshOperation.insiderHello.bytes(0, 0, 0), MeshOperation.run.bytes(0),
            MeshOperation.insiderConfirm.bytes(0, 0), MeshOperation.run.bytes(1),
        ]
        let full = (0..<8).map { MeshOperation.start.bytes($0, $0, $0) } + [MeshOperation.run.bytes(3)]
        let stories = [(three, 0x01FF), (three + insider, 0x01FF), (full, 0x01FF), (three, 0xFFFF)]
        return stories.enumerated().map { index, story in
            let mesh = HostileMesh(seed: UInt64(index) << 48, roster: roster(UInt16(story.1)))
            var choices = FuzzInput(story.0.flatMap(\.self))
            while !choices.isAtEnd { choices.element(of: MeshOperation.allCases).carryOut(in: mesh, &choices) }
            return mesh
        }
    }

    /// Returns a roster. If bit i of `mask` is set, identity i may join under its own name. If all bits are set, anyone
    /// may join.
    static func roster(_ mask: UInt16) -> Roster {
        guard mask != .max else { return .open }
        let listed = zip(Pool.keys, Pool.names).enumerated().filter { mask & 1 << $0.offset != 0 }.map(\.element)
        return Roster(authorized: Dictionary(uniqueKeysWithValues: listed.map { ($0.0.publicKey, $0.1) }))
    }

    /// The inputs with which fuzzing starts. They run each operation in a state in which the operation has an effect.
    package static var seeds: [(name: String, input: [UInt8])] {
        let peers: [[UInt8]] = (0..<3).map { MeshOperation.start.bytes($0, $0, $0) }
        let talk = [MeshOperation.broadcast.bytes(0, 0), MeshOperation.send.bytes(1, 2, 1)]
        let (mesh, cheated, full): ([[UInt8]], [[UInt8]], [[UInt8]]) = ([[0]], [[1]], [[2]])
        let stories: [(String, [[UInt8]])] = [
            ("join", [[Self.settled, 0x01, 0xFF]] + peers + [MeshOperation.run.bytes(3)] + talk),
            (
                "open",
                [[Self.settled + 1, 0xFF, 0xFF]] + peers + [MeshOperation.run.bytes(3), MeshOperation.heal.bytes()]
            ),
            (
                "hello-lost",
                [[Self.settled, 0x01, 0xFF], MeshOperation.start.bytes(0, 0, 0)]
                    + [MeshOperation.drop.bytes(0), MeshOperation.run.bytes(2)]
            ),
            ("talk", mesh + talk + [MeshOperation.deliverAll.bytes(), MeshOperation.run.bytes(2)]),
            (
                "acknowledged",
                mesh + [
                    MeshOperation.broadcast.bytes(0, 6), MeshOperation.drop.bytes(0), MeshOperation.deliverAll.bytes(),
                    MeshOperation.run.bytes(2), MeshOperation.send.bytes(1, 2, 7), MeshOperation.deliverAll.bytes(),
                    MeshOperation.run.bytes(3),
                ]
            ),
            ("leave", mesh + [MeshOperation.leave.bytes(1), MeshOperation.run.bytes(3), MeshOperation.heal.bytes()]),
            ("kill", mesh + [MeshOperation.kill.bytes(1), MeshOperation.run.bytes(4)]),
            ("restart", mesh + [MeshOperation.restart.bytes(2)] + talk + [MeshOperation.run.bytes(2)]),
            ("revoke", mesh + [MeshOperation.setRoster.bytes(0x01, 0xFD), MeshOperation.run.bytes(2)]),
            ("server-dies", mesh + [MeshOperation.restartServer.bytes(), MeshOperation.run.bytes(4)]),
            ("server-stops", mesh + [MeshOperation.stopServer.bytes(), MeshOperation.run.bytes(3)]),
            ("leap", mesh + [MeshOperation.leap.bytes(7), MeshOperation.run.bytes(2)]),
            ("rekey", mesh + [MeshOperation.leap.bytes(11), MeshOperation.run.bytes(2)] + talk),
            ("two-of-a-key", mesh + [MeshOperation.start.bytes(3, 0, 3), MeshOperation.run.bytes(3)]),
            ("full", full + [MeshOperation.restart.bytes(2), MeshOperation.run.bytes(1)] + talk),
            (
                "insider",
                cheated + [
                    MeshOperation.insiderHeartbeat.bytes(0, 1, 0, 0, 0, 0),
                    MeshOperation.insiderMessage.bytes(0, 1, 0, 0),
                    MeshOperation.broadcast.bytes(0, 0), MeshOperation.deliverAll.bytes(),
                    MeshOperation.insiderReseal.bytes(0, 1, 0), MeshOperation.run.bytes(1),
                ]
            ),
            (
                "poor-network",
                mesh + talk + [
                    MeshOperation.duplicate.bytes(0), MeshOperation.replay.bytes(3),
                    MeshOperation.replayFromElsewhere.bytes(2, 1), MeshOperation.flip.bytes(0, 0, 40, 1),
                    MeshOperation.redirect.bytes(0, 2), MeshOperation.deliver.bytes(0), MeshOperation.run.bytes(2),
                ]
            ),
            (
                "inventions",
                mesh + (0..<12).map { MeshOperation.invent.bytes($0, 1, 0, 1, 0, 0) }
                    + [MeshOperation.run.bytes(1)]
            ),
        ]
        return stories.map { ($0.0, $0.1.flatMap(\.self)) }
    }

    /// An input whose first byte is below this value starts with a copy of one of the `settledMeshes`.
    private static let settled: UInt8 = 0xC0
    private static let maximumOperations = 64
}
