import SecureMesh
import Testing

@Suite("Snapshot bursts") struct SnapshotBurstTests {
    @Test("bursts have 16, 32 and then 64 parts; a request in the middle of one gets at most 8")
    func ends() {
        let cases = [
            (0, 16), (16, 48), (48, 112), (112, 176), (176, 240), (1, 9), (8, 16), (9, 16), (15, 16), (17, 25),
            (47, 48), (49, 57), (240, 304), (16_383, 16_391),
        ]
        for (part, end) in cases { #expect(SnapshotBurst.end(from: part) == end, "part \(part)") }
        #expect([1, 16, 17, 48, 49, 1_667].map { SnapshotBurst.count(parts: $0) } == [1, 1, 2, 2, 3, 28])
    }
}
