import MeshSimulator
import SecureMeshCore
import SelfTest
import Testing

/// Tests the primitives that report a violation if one key and counter seal two different plaintexts.
@Suite("Watched primitives") struct WatchedPrimitivesTests {
    private let watched = WatchedPrimitives(InsecureTestCrypto())
    private let key = Secret32(Bytes32([UInt8](repeating: 5, count: 32).span))

    private func seal(_ plaintext: [UInt8], _ counter: UInt64, head: [UInt8] = [1], key: Secret32? = nil) {
        var datagram = head
        watched.seal(plaintext, onto: &datagram, counter: counter, key: key ?? self.key)
    }

    private var faults: [WatchedPrimitives.Violation.Fault] { watched.violations.map(\.fault) }

    @Test("rising counters, other keys, and an equal datagram are no violation")
    func harmless() {
        for counter: UInt64 in [1, 2, 3, 3, 9] { seal([7], counter) }
        seal([8], 1, key: Secret32(.zero))
        seal([9], 0, key: Secret32(Bytes32(littleEndian: (1, 2, 3, 4))))
        #expect(faults.isEmpty)
        #expect(watched.keyCount == 3)
        #expect(watched.count(of: .seal) == 7)
    }

    @Test("another plaintext or header under a used counter is a violation")
    func reuse() throws {
        seal([1], 4)
        seal([2], 4)
        seal([1], 4, head: [9, 9])
        #expect(faults == [.counterReused, .counterReused])
        let last = try #require(watched.violations.last)
        #expect(last.head == [9, 9] && last.counter == 4 && last.highest == 4)
    }

    @Test("a counter below the highest is a violation, also for another object with the same key")
    func wentBack() {
        seal([1], 4)
        seal([1], 3, key: Secret32(key.exposed))
        seal([1], 5)
        #expect(faults == [.counterWentBack])
    }

    @Test("the key of a HELLO, WELCOME or REJECT seals one datagram")
    func handshakeKeys() {
        seal([1], 0)
        seal([1], 0)
        #expect(faults.isEmpty)
        seal([2], 0)
        seal([1], 1)
        #expect(faults == [.handshakeKeyUsedAgain, .handshakeKeyUsedAgain])
    }

    @Test("a hundred violations are kept, and all calls are counted")
    func bound() {
        for byte in 0..<200 { seal([UInt8(byte)], 1) }
        #expect(watched.violations.count == 100)
        #expect(watched.count(of: .seal) == 200)
        #expect(watched.keyCount == 1)
    }

    @Test("every call is forwarded and counted")
    func calls() throws {
        let (watched, real) = (WatchedPrimitives(Libsodium()), Libsodium())
        let identity = SigningKey(seed: [UInt8](repeating: 1, count: 32).span)
        let signature = watched.sign([1, 2], by: identity)
        #expect(real.verify(signature, of: [1, 2], by: identity.publicKey))
        #expect(watched.verify(signature, of: [1, 2], by: identity.publicKey))
        #expect(watched.isValidPoint(identity.publicKey))
        #expect(!watched.isValidPoint(PublicKey(bytes: .zero)))
        let converted = try #require(watched.agreementKey(of: identity.publicKey))
        #expect(converted == real.agreementKey(of: identity.publicKey))
        let mine = watched.publicKey(of: key)
        #expect(mine == real.publicKey(of: key))
        let agreed = try #require(watched.agree(key, converted))
        #expect(watched.agree(identity, mine)?.exposed == agreed.exposed)
        var datagram: [UInt8] = [1]
        watched.seal([7], onto: &datagram, counter: 1, key: agreed)
        let opened = watched.open(datagram.span, sealed: 1..<datagram.count, counter: 1, key: agreed)
        #expect(opened == [7])
        let counts = PrimitiveCall.allCases.map(watched.count(of:))
        #expect(counts == [1, 1, 2, 1, 1, 1, 1, 1, 1])
    }

    @Test("a machine that goes on beside its copy is a violation")
    func copiedMachine() throws {
        let watched = WatchedPrimitives(Libsodium())
        let mesh = TestMesh(seed: 4, report: { Issue.record("\($0)") }) { $0.primitives = watched }
        _ = try mesh.join(2)
        #expect(watched.violations.isEmpty)
        var twin = try #require(mesh.registry)
        twin.stop(now: mesh.now)
        mesh.run(for: .seconds(2))
        let faults = watched.violations.map(\.fault)
        #expect(faults.contains(.counterReused))
        #expect(watched.violations.allSatisfy { $0.head[1] == Kind.pulse.rawValue })
    }
}
