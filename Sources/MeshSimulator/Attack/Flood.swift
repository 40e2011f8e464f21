internal import SecureMesh

/// Off the path: sends the server what costs it something, from addresses that need not be its own.
final class Flood: Adversary {
    var record = Recording.Attack(
        name: "flood", story: "sends random bytes and well-formed HELLOs with broken seals from a thousand addresses")

    func act(_ reach: inout Reach) {
        for _ in 0..<Self.burst {
            let source = reach.address(reach.random.below(1_000))
            let bytes = reach.random.chance(50) ? reach.random.bytes(reach.random.below(300)) : hello(&reach)
            reach.send(bytes, from: source, isGarbage: true)
        }
        reach.nextAct = .milliseconds(100)
    }

    private func hello(_ reach: inout Reach) -> [UInt8] {
        let header = Header(
            .hello, to: 0, from: 0, counter: 0, delivery: .cookie(.zero),
            clear: .agreementKey(reach.primitives.publicKey(of: reach.random.secret())))
        let sealed = Kind.hello.payloadSize + 64 + Kind.tagSize
        return header.encode(size: Kind.hello.sealedOffset + sealed) + reach.random.bytes(sealed)
    }

    private static let burst = 20
}
