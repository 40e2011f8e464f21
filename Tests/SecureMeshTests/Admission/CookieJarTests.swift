import SecureMesh
import SelfTest
import Testing

@Suite("Cookies")
final class CookieJarTests {
    private static let signer = Signer(key: Fixture.serverKey, context: Fixture.context, from: Fixture.epoch)

    private struct World {
        var random = RandomSource.seeded(1)
        var jar: CookieJar

        init() {
            jar = CookieJar(now: .start, random: &random)
        }

        mutating func retry(tag: UInt64 = 7, for address: SocketAddress, after duration: Duration) -> [UInt8] {
            jar.retry(tag: tag, for: address, signer: signer, now: .after(duration), random: &random)
        }

        mutating func cookie(for address: SocketAddress, after duration: Duration) throws -> Bytes16 {
            let retry = retry(for: address, after: duration)
            return try VerifiedRetry(retry, in: Fixture.context).cookie
        }

        mutating func accepts(_ cookie: Bytes16, from address: SocketAddress, after duration: Duration) -> Bool {
            jar.isValid(cookie, for: address, now: .after(duration), random: &random)
        }
    }

    private var world = World()

    @Test("a RETRY's cookie is valid from the address it was sent to, and from no other")
    func otherAddresses() throws {
        let cookie = try world.cookie(for: Fixture.address(1), after: .zero)
        #expect(world.accepts(cookie, from: Fixture.address(1), after: .zero) == true)
        let others = [
            Fixture.address(2), Fixture.address(1, port: 3_001), Fixture.address6(1, 1),
            SocketAddress(ip: .v6(0x0000_0000_C000_0201, 0), port: 3_000),
        ]
        for other in others { #expect(world.accepts(cookie, from: other, after: .zero) == false) }
    }

    @Test("a cookie of zeros, or with one bit flipped, is not valid")
    func forged() throws {
        let cookie = try world.cookie(for: Fixture.address(1), after: .zero)
        #expect(world.accepts(.zero, from: Fixture.address(1), after: .zero) == false)
        for bit in 0..<128 {
            let flipped = cookie.array.flipping(bit: bit)
            #expect(world.accepts(Bytes16(flipped.span), from: Fixture.address(1), after: .zero) == false)
        }
    }

    /// Three values per case: the second at which the server sends a cookie, the second at which a HELLO returns that
    /// cookie, and true if the cookie is valid then. The secret rotates every 30 s.
    static let ages: [(Int, Int, Bool)] = [
        (0, 29, true), (0, 30, true), (0, 59, true), (0, 60, false), (0, 61, false), (0, 3_600, false),
        (29, 59, true), (29, 60, false), (30, 89, true), (30, 90, false), (45, 60, true), (45, 89, true),
        (45, 90, false), (45, 105, false),
    ]

    @Test("a cookie is valid in its rotation and the next", arguments: ages)
    func lifetime(given: Int, returned: Int, isValid: Bool) throws {
        let cookie = try world.cookie(for: Fixture.address(1), after: .seconds(given))
        #expect(world.accepts(cookie, from: Fixture.address(1), after: .seconds(returned)) == isValid)
    }

    @Test("a rotation that is noticed late does not extend a cookie's life")
    func askedLate() throws {
        let cookie = try world.cookie(for: Fixture.address(1), after: .zero)
        #expect(world.accepts(cookie, from: Fixture.address(1), after: .seconds(59)) == true)
        #expect(world.accepts(cookie, from: Fixture.address(1), after: .seconds(60)) == false)
    }

    @Test("RETRY is signed once per rotation: within one, only tag and cookie differ")
    func signedOnce() throws {
        let first = world.retry(tag: 1, for: Fixture.address(1), after: .zero)
        let second = world.retry(tag: 2, for: Fixture.address(2), after: .seconds(29))
        let third = world.retry(tag: 1, for: Fixture.address(1), after: .seconds(30))
        #expect(first.count == 116)
        #expect(first.suffix(72) == second.suffix(72))
        #expect(first[4..<12] != second[4..<12])
        #expect(first[28..<44] != second[28..<44])
        #expect(first.suffix(72) != third.suffix(72))
        for retry in [first, second, third] {
            _ = try VerifiedRetry(retry, in: Fixture.context)
        }
    }

    @Test("rotation numbers do not repeat")
    func rotations() throws {
        var rotations: Set<[UInt8]> = []
        for seconds in [0, 30, 60, 200, 201, 235, 10_000] {
            let retry = world.retry(for: Fixture.address(1), after: .seconds(seconds))
            rotations.insert(Array(retry[44..<52]))
        }
        #expect(rotations.count == 6)
    }
}
