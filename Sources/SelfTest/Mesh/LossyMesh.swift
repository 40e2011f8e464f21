internal import MeshSimulator
internal import SecureMeshCore

/// A virtual mesh on a network that loses, repeats and reorders, among members that talk, crash and return.
///
/// All along: no version of a directory goes back, no message comes twice, as somebody else's or altered. And then:
/// quiet brings equal directories, soon.
package struct LossyMesh {
    private let seed: UInt64
    private let mesh: VirtualMesh
    private let faults: Faults
    private var dice: RandomSource
    private var held: [PublicKey: (epoch: UInt64, starts: Int, version: UInt64)] = [:]
    private var spoken: Set<[UInt8]> = []
    /// Who has heard what.
    private var heard: Set<[UInt8]> = []
    private var deliveries = 0

    private static let peers = 8
    private static let step = Duration.milliseconds(100)
    private static let peace = Duration.seconds(15)

    /// What the world and the checks report, in order.
    private final class Faults {
        var all: [String] = []
    }

    package init(seed: UInt64) {
        self.seed = seed
        let faults = Faults()
        self.faults = faults
        mesh = VirtualMesh(seed: seed, report: { faults.all.append($0) })
        dice = .seeded(seed &+ 1)
    }

    /// - Returns: what happened, in a line.
    /// - Throws: a `Fault`.
    package func run(for duration: Duration) throws -> String {
        var world = self
        return try world.play(duration)
    }

    private mutating func play(_ duration: Duration) throws -> String {
        _ = try mesh.join(Self.peers)
        mesh.rules = [badNetwork()]
        var sent = 0
        let rounds = Int(duration / Self.step)
        for round in 0..<rounds {
            mesh.run(for: Self.step)
            upset(in: round, isLate: round > rounds / 2)
            try speak(in: round)
            sent += mesh.flights.count
            mesh.flights = []
            checkVersions(in: round)
            checkMessages(in: round)
            if let fault = Fault(faults.all) { throw fault }
        }
        mesh.rules = []
        for peer in mesh.peers where !peer.isRunning { mesh.restart(peer) }
        let isEqual = mesh.run(atMost: Self.peace) { mesh.hasConverged }
        try require(isEqual, "directories differ \(Self.peace.spelled) after the last loss")
        let contradictions = mesh.peers.reduce(0) { $0 + $1.machine.rejections[.directoryContradiction] }
        try require(contradictions == 0, "\(contradictions) contradictions in directories")
        if let fault = Fault(faults.all) { throw fault }
        return "\(Self.peers) peers, \(duration.spelled) of virtual time, \(sent) datagrams, \(deliveries) messages"
            + " through 20 % loss, repeats and disorder"
    }

    /// Of twenty datagrams four are lost, one comes twice, two come late.
    private func badNetwork() -> (Flight) -> Fate? {
        var dice = RandomSource.seeded(seed &+ 2)
        return { _ in
            switch dice.below(20) {
            case 0, 1, 2, 3: .drop
            case 4: .duplicate([.milliseconds(dice.below(300))])
            case 5, 6: .delay(.milliseconds(dice.below(300)))
            default: .deliver
            }
        }
    }

    /// Now and then somebody dies or returns; in the second half the server, too.
    private mutating func upset(in round: Int, isLate: Bool) {
        let peer = dice.element(of: mesh.peers)
        switch dice.below(60) {
        case 0: mesh.restart(peer)
        case 1: if peer.isRunning { mesh.kill(peer) } else { mesh.restart(peer) }
        case 2 where isLate && round % 7 == 0:
            mesh.killServer()
            mesh.startServer()
        default: break
        }
    }

    private mutating func speak(in round: Int) throws {
        let peer = dice.element(of: mesh.peers)
        guard peer.isRunning, peer.machine.maySpeak(mesh.now) else { return }
        let text = "\(peer.name)_broadcast_\(round)"
        spoken.insert(Array(text.utf8))
        try mesh.broadcast(text, from: peer)
    }

    private mutating func checkVersions(in round: Int) {
        for peer in mesh.peers {
            let (epoch, version) = (peer.machine.epoch, peer.machine.version)
            let before = held.updateValue((epoch, peer.starts, version), forKey: peer.publicKey)
            if let before, before.epoch == epoch, before.starts == peer.starts, version < before.version {
                faults.all.append("round \(round): \(peer.name) went from version \(before.version) to \(version)")
            }
        }
    }

    private mutating func checkMessages(in round: Int) {
        for peer in mesh.peers {
            let messages = peer.messages
            deliveries += messages.count
            peer.events = []
            for message in messages {
                let isOwn = message.body.starts(with: "\(message.sender.name)_".utf8)
                guard isOwn, spoken.contains(message.body), message.isBroadcast else {
                    faults.all.append("round \(round): \(peer.name) heard what \(message.sender.name) never said")
                    continue
                }
                if !heard.insert([peer.publicKey.bytes.array, message.body].flatMap(\.self)).inserted {
                    faults.all.append("round \(round): \(peer.name) heard a message of \(message.sender.name) twice")
                }
            }
        }
    }
}
