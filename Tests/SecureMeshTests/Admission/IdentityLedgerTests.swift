import SecureMesh
import Testing

@Suite("Identity ledger") struct IdentityLedgerTests {
    private func key(_ byte: UInt8) -> PublicKey { Fixture.key(byte).publicKey }

    @Test("a bar lasts 60 s, and an identity waits for the longer of its bar and its join bucket") func ledger() {
        var ledger = IdentityLedger()
        #expect(ledger.wait(key(1), now: at(0)) == .zero)
        for _ in 0..<3 { ledger.chargeJoin(key(1), now: at(0)) }
        #expect(ledger.wait(key(1), now: at(0)) == .seconds(1))
        #expect(ledger.wait(key(1), now: at(1_000)) == .zero)
        ledger.bar(key(1), now: at(0))
        #expect(ledger.wait(key(1), now: at(1_000)) == .seconds(59))
        #expect(ledger.wait(key(1), now: at(60_000)) == .zero)
        #expect(ledger.wait(key(2), now: at(0)) == .zero)
    }

    @Test("a full ledger evicts the identity that it has known longest") func bounded() throws {
        var ledger = IdentityLedger()
        ledger.bar(key(1), now: at(0))
        for index in 0..<Limits.rememberedIdentities + 5_000 {
            ledger.chargeJoin(PublicKey(bytes: Bytes32(littleEndian: (UInt64(index), 0, 0, 0))), now: at(0))
        }
        #expect(ledger.wait(key(1), now: at(0)) == .zero)
        #expect(ledger.usages.filter { !$0.isKept }.isEmpty)
    }
}
