import MeshSimulator
import SecureMeshCore
import SelfTest
import Testing

/// Tests that the insecure primitives accept and refuse the same inputs as the real primitives.
@Suite("Insecure test cryptography") struct InsecureTestCryptoTests {
    private static let testCrypto = InsecureTestCrypto()
    private static let keys = (1...3).map { SigningKey(seed: [UInt8](repeating: $0, count: 32).span) }
    private static let secrets = {
        var random = RandomSource.seeded(1)
        return (0..<24).map { _ in random.secret() }
    }()
    private static let head = [UInt8](repeating: 0x11, count: 28)

    private static func sealed(_ plaintext: [UInt8], by primitives: any Primitives) -> [UInt8] {
        var datagram = head
        primitives.seal(plaintext, onto: &datagram, counter: 1, key: secrets[0])
        return datagram
    }

    private static func open(
        _ datagram: [UInt8], _ sealed: Range<Int>? = nil, counter: UInt64 = 1, key: Secret32 = secrets[0]
    ) -> [UInt8]? {
        let sealed = sealed ?? head.count..<datagram.count
        return testCrypto.open(datagram.span, sealed: sealed, counter: counter, key: key)
    }

    @Test(
        "a signature verifies for one message and one key only, and every bit of it counts",
        arguments: [0, 1, 7, 8, 9, 16, 61])
    func signatures(_ size: Int) {
        let message = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let (key, other) = (Self.keys[0], Self.keys[1].publicKey)
        let signature = Self.testCrypto.sign(message, by: key)
        #expect(Self.testCrypto.verify(signature, of: message, by: key.publicKey))
        #expect(!Self.testCrypto.verify(signature, of: message, by: other))
        #expect(
            !Self.testCrypto.verify(Self.testCrypto.sign(message, by: Self.keys[1]), of: message, by: key.publicKey))
        #expect(!Self.testCrypto.verify(signature, of: message + [0], by: key.publicKey))
        for bit in 0..<(size * 8) {
            #expect(!Self.testCrypto.verify(signature, of: message.flipping(bit: bit), by: key.publicKey))
        }
        var bytes: [UInt8] = []
        signature.append(to: &bytes)
        for bit in 0..<(bytes.count * 8) {
            let flipped = Signature(bytes.flipping(bit: bit).span)
            #expect(!Self.testCrypto.verify(flipped, of: message, by: key.publicKey))
        }
    }

    @Test(
        "a sealed plaintext opens, and is as large as under libsodium", arguments: [0, 1, 7, 8, 9, 150, 1_200, 65_000])
    func seals(_ size: Int) {
        let plaintext = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let datagram = Self.sealed(plaintext, by: Self.testCrypto)
        #expect(datagram.starts(with: Self.head))
        #expect(datagram.count == Self.sealed(plaintext, by: Libsodium()).count)
        #expect(Self.open(datagram) == plaintext)
        let ciphertext = datagram[Self.head.count...].prefix(size)
        #expect(zip(ciphertext, plaintext).allSatisfy { $0 != $1 })
    }

    @Test("a ciphertext does not open with another bit, key, counter or range", arguments: Array(0...17) + [150])
    func brokenSeals(_ size: Int) {
        let datagram = Self.sealed([UInt8](repeating: 0x5A, count: size), by: Self.testCrypto)
        for bit in 0..<(datagram.count * 8) { #expect(Self.open(datagram.flipping(bit: bit)) == nil, "bit \(bit)") }
        for counter in [0, 2, 0x1_0000_0001, 0xFFFF_FFFF_FFFF, UInt64.max] {
            #expect(Self.open(datagram, counter: counter) == nil)
        }
        for key in Self.secrets.dropFirst() { #expect(Self.open(datagram, key: key) == nil) }
        let key = Self.secrets[0].exposed.array
        for bit in 0..<256 {
            #expect(Self.open(datagram, key: Secret32(Bytes32(key.flipping(bit: bit).span))) == nil, "key bit \(bit)")
        }
        #expect(Self.open(datagram + [0]) == nil)
        #expect(Self.open(datagram, 27..<datagram.count) == nil)
        #expect(Self.open(datagram, 29..<datagram.count) == nil)
        #expect(Self.open(datagram, 28..<(datagram.count - 1)) == nil)
    }

    @Test("a range outside of the datagram, or too short for a tag, opens nothing")
    func ranges() {
        let datagram = Self.sealed([1, 2, 3], by: Self.testCrypto)
        for range in [0..<0, 0..<15, 28..<43, 40..<(datagram.count + 1), 100..<200, -5..<20, -20 ..< -1] {
            #expect(Self.open(datagram, range) == nil, "\(range)")
        }
        #expect(Self.open([], 0..<16) == nil)
    }

    @Test("both ends agree on the same secret, and each pair on another")
    func agreement() throws {
        let testCrypto = Self.testCrypto
        var agreed: Set<Bytes32> = []
        for (index, a) in Self.secrets.enumerated() {
            let mine = testCrypto.publicKey(of: a)
            for b in Self.secrets[index...] {
                let ours = try #require(testCrypto.agree(a, testCrypto.publicKey(of: b)))
                let theirs = try #require(testCrypto.agree(b, mine))
                #expect(ours.exposed == theirs.exposed)
                #expect(agreed.insert(ours.exposed).inserted)
            }
            for key in Self.keys {
                let identity = try #require(testCrypto.agreementKey(of: key.publicKey))
                let ours = try #require(testCrypto.agree(a, identity))
                let theirs = try #require(testCrypto.agree(key, mine))
                #expect(ours.exposed == theirs.exposed)
                #expect(agreed.insert(ours.exposed).inserted)
            }
        }
    }

    @Test("agreement keys are canonical, and those of small order are refused")
    func agreementKeys() throws {
        let testCrypto = Self.testCrypto
        let identities = try Self.keys.map { try #require(testCrypto.agreementKey(of: $0.publicKey)) }
        let all = Self.secrets.map(testCrypto.publicKey(of:)) + identities
        #expect(Set(all).count == all.count)
        for key in all { #expect(Self.isCanonical(key)) }
        for text in Self.smallOrder {
            let bytes = try unhex(text)
            let key = AgreementPublicKey(bytes: Bytes32(bytes.span))
            #expect(testCrypto.agree(Self.secrets[0], key) == nil, "\(text)")
            #expect(testCrypto.agree(Self.keys[0], key) == nil, "\(text)")
            #expect(Self.secrets[0].agree(with: key) == nil, "\(text)")
        }
    }

    private static func isCanonical(_ key: AgreementPublicKey) -> Bool {
        let bytes = key.bytes.array
        return AgreementPublicKey.isCanonical(bytes.span, at: 0)
    }

    @Test("a mesh sends the same datagrams with insecure primitives as with libsodium, in size and time")
    func world() throws {
        let testCrypto = try Self.course(of: InsecureTestCrypto())
        #expect(testCrypto.count > 100)
        #expect(try Self.course(of: Libsodium()) == testCrypto)
    }

    /// Runs a mesh in which DELTAs are lost, a peer dies and comes back, and the server restarts.
    ///
    /// - Returns: A line for each datagram, with its time, addresses, kind and size.
    private static func course(of primitives: any Primitives) throws -> [String] {
        let mesh = TestMesh(seed: 7, report: { Issue.record("\($0)") }) { $0.primitives = primitives }
        let peers = try mesh.join(3)
        mesh.drop(.delta, count: 2)
        mesh.kill(peers[2])
        mesh.run(for: .seconds(3))
        mesh.restart(peers[2])
        #expect(mesh.run(atMost: .seconds(30)) { mesh.hasConverged })
        try mesh.broadcast("to all", from: peers[0])
        try mesh.send("to one", from: peers[1], to: peers[2])
        mesh.run(for: .seconds(1))
        #expect(peers[2].messages.map { String(decoding: $0.body, as: UTF8.self) } == ["to all", "to one"])
        mesh.killServer()
        mesh.startServer()
        #expect(mesh.run(atMost: .seconds(60)) { mesh.hasConverged })
        let registry = try #require(mesh.registry)
        #expect(registry.rejections[.sealBroken] == 0)
        return mesh.flights.map { "\($0.sentAt) \($0.source) \($0.destination) \($0.describedKind) \($0.bytes.count)" }
    }

    /// Every canonical u-coordinate of small order. X25519 gives zero for each of them (RFC 7748, section 6.1).
    private static let smallOrder = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]
}
