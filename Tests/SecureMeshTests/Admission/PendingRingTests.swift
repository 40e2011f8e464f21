import SecureMesh
import SelfTest
import Testing

@Suite("Pending ring")
struct PendingRingTests {
    private static let keys = SessionKeys(
        peerToServer: Fixture.secret(1), serverToPeer: Fixture.secret(2), binder: Fixture.secret(3))
    private static let path = Path(remote: Fixture.address(1))

    /// Returns a ticket for the session with number `number`. If `tag` is nil, the tag of its HELLO is `number` too.
    private func ticket(
        _ number: UInt64, tag: UInt64? = nil, identity: UInt64 = 1, path: Path = path, created: Instant = .start
    ) throws -> Ticket {
        var entry = try Entry.sample(number)
        entry.identity = PublicKey(bytes: Bytes32(littleEndian: (identity, 0, 0, 0)))
        return Ticket(
            entry: entry, path: path, token: number, keys: Self.keys, created: created, tag: tag ?? number,
            offer: [UInt8](bigEndian: number))
    }

    private func ring(_ sessions: ClosedRange<UInt64>, identity: (UInt64) -> UInt64 = { $0 }) throws -> PendingRing {
        var ring = PendingRing()
        for session in sessions { ring.insert(try ticket(session, identity: identity(session))) }
        return ring
    }

    @Test("a ticket is found by its session and by its HELLO")
    func found() throws {
        let ring = try ring(1...3)
        #expect(ring[try Fixture.session(2)]?.token == 2)
        #expect(ring[try Fixture.session(4)] == nil)
        #expect(ring.welcome(tag: 2, path: Self.path, now: .start) == [UInt8](bigEndian: 2))
        #expect(ring.welcome(tag: 4, path: Self.path, now: .start) == nil)
    }

    @Test("the same HELLO from another address or socket is another HELLO")
    func otherPath() throws {
        let ring = try ring(1...1)
        #expect(ring.welcome(tag: 1, path: Path(remote: Fixture.address(2)), now: .start) == nil)
        #expect(ring.welcome(tag: 1, path: Path(remote: Fixture.address(1, port: 9)), now: .start) == nil)
        #expect(ring.welcome(tag: 1, path: Path(socket: 1, remote: Fixture.address(1)), now: .start) == nil)
    }

    @Test("a WELCOME is not sent again once its ticket is 5 s old")
    func expiry() throws {
        let ring = try ring(1...1)
        #expect(ring.welcome(tag: 1, path: Self.path, now: .after(.milliseconds(4_999))) != nil)
        #expect(ring.welcome(tag: 1, path: Self.path, now: .after(.seconds(5))) == nil)
    }

    @Test("a full ring overwrites its oldest ticket, and that one alone")
    func overwrites() throws {
        let limit = UInt64(Limits.pendingEntries)
        var ring = try ring(1...limit)
        #expect(ring[try Fixture.session(1)] != nil)
        ring.insert(try ticket(limit + 1, identity: limit + 1))
        #expect(ring[try Fixture.session(1)] == nil)
        #expect(ring.welcome(tag: 1, path: Self.path, now: .start) == nil)
        #expect(ring[try Fixture.session(2)] != nil)
        #expect(ring[try Fixture.session(limit + 1)] != nil)
    }

    @Test("overwriting a ticket does not remove a newer ticket of the same HELLO")
    func sameHelloTwice() throws {
        let limit = UInt64(Limits.pendingEntries)
        var ring = PendingRing()
        ring.insert(try ticket(1, tag: 99))
        for session in 2..<limit { ring.insert(try ticket(session)) }
        ring.insert(try ticket(limit, tag: 99))
        ring.insert(try ticket(limit + 1))
        #expect(ring[try Fixture.session(1)] == nil)
        #expect(ring.welcome(tag: 99, path: Self.path, now: .start) == [UInt8](bigEndian: limit))
    }

    @Test("the ring never grows, whoever fills it", arguments: Seeds.few.prefix(2))
    func neverGrows(seed: UInt64) throws {
        var random = RandomPayloads(seed: seed)
        var ring = PendingRing()
        for session in 1...20_000 as ClosedRange<UInt64> {
            let ticket = try ticket(session, tag: random.below(9_000), identity: random.below(3) * random.below(9_000))
            ring.insert(ticket)
            if random.below(50) == 0, let kept = ring[try Fixture.session(max(session, 60) - random.below(60))] {
                ring.redeem(kept)
            }
        }
        for table in ["slots", "byHello", "bySession", "byIdentity"] {
            #expect(try #require(storedCount(table, of: ring)) <= Limits.pendingEntries, "\(table)")
        }
    }

    @Test("redeeming a ticket removes it and the older ones of its identity, and no others")
    func redeem() throws {
        var ring = try ring(1...6) { $0 == 3 ? 2 : 1 }
        let ticket = try #require(ring[try Fixture.session(4)])
        ring.redeem(ticket)
        let left = try (1...6).filter { ring[try Fixture.session($0)] != nil }
        #expect(left == [3, 5, 6])
        #expect(ring.welcome(tag: 4, path: Self.path, now: .start) == nil)
        #expect(ring.welcome(tag: 1, path: Self.path, now: .start) == nil)
        #expect(ring.welcome(tag: 5, path: Self.path, now: .start) != nil)

        // Two tickets are redeemed: the same ticket again, and then another one. Redeeming neither restores a ticket
        // nor removes a newer one.
        ring.redeem(ticket)
        #expect(try (1...6).filter { ring[try Fixture.session($0)] != nil } == [3, 5, 6])
        ring.redeem(try #require(ring[try Fixture.session(6)]))
        #expect(try (1...6).filter { ring[try Fixture.session($0)] != nil } == [3])
    }

    @Test("a CONFIRM costs the same, however many handshakes its identity has begun since")
    func redeemingTheOldest() throws {
        func cost(identity: (UInt64) -> UInt64) throws -> Duration {
            var shortest = Duration.seconds(3_600)
            for _ in 0..<5 {
                var ring = try ring(1...UInt64(Limits.pendingEntries), identity: identity)
                let tickets = try (1...100).map { try #require(ring[try Fixture.session($0)]) }
                shortest = min(shortest, ContinuousClock().measure { for ticket in tickets { ring.redeem(ticket) } })
            }
            return shortest
        }
        let (one, many) = (try cost { _ in 1 }, try cost { $0 })
        #expect(one < many * 10)
    }

    @Test("a ring whose tickets have all been redeemed is empty")
    func emptied() throws {
        var ring = try ring(1...UInt64(Limits.pendingEntries)) { _ in 1 }
        ring.redeem(try #require(ring[try Fixture.session(UInt64(Limits.pendingEntries))]))
        for table in ["byHello", "bySession", "byIdentity"] { #expect(storedCount(table, of: ring) == 0) }
        ring.insert(try ticket(77))
        #expect(ring[try Fixture.session(77)] != nil)
    }
}
