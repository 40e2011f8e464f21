internal import Testing

@testable import MeshControl
@testable import p2p

@Suite("diagnosis")
struct DiagnosisTests {
    private func status() -> MeshStatus {
        MeshStatus(
            time: .now, role: .server, name: nil, version: Program.version, process: 1, startedAt: .now, addresses: [],
            fingerprint: "", publicKey: "", server: nil, problems: [], counts: ["alive": 2], members: [],
            lostDatagrams: [:], refusedDatagrams: [:], streams: 0)
    }

    private func findings(
        _ status: MeshStatus, _ change: (inout HostFacts) -> Void = { _ in }, _ reaches: [Diagnosis.Reach] = []
    ) -> [Finding] {
        var facts = HostFacts(reaching: [])
        (facts.receiveBuffer, facts.requestedReceiveBuffer) = (8_388_608, 8_388_608)
        (facts.time, facts.isClockSynchronized) = (Timestamp(milliseconds: 1_769_860_800_000), true)
        change(&facts)
        return Diagnosis.findings(status, facts, reaches)
    }

    @Test("a healthy server gets only good findings")
    func healthy() {
        let findings = findings(status())
        #expect(findings.allSatisfy { $0.verdict == .good })
        #expect(findings.map(\.subject) == ["version", "clock", "members", "buffer", "loss"])
    }

    @Test("a clock that no program synchronizes gets advice, and one without a battery is a problem")
    func clock() throws {
        let advice = try #require(
            findings(status(), { $0.isClockSynchronized = false }).first { $0.subject == "clock" })
        #expect(advice.verdict == .advice && advice.line.contains("it says 2026-01-31T12:00:00.000Z"))
        let problem = findings(status(), { $0.time = Timestamp(milliseconds: 3_600_000) }).first {
            $0.subject == "clock"
        }
        #expect(problem?.verdict == .problem && problem?.line.contains("1970-01-01T01:00:00.000Z") == true)
        let unknown = findings(status(), { $0.isClockSynchronized = nil }).first { $0.subject == "clock" }
        #expect(unknown?.verdict == .good)
    }

    @Test("a tunnel that is too narrow is a problem, with its address and size")
    func mtu() throws {
        let findings = findings(status(), { $0.pathMTU = ["192.0.2.1:3000": 1_100, "192.0.2.2:3000": 1_500] })
        let finding = try #require(findings.first { $0.subject == "mtu" })
        #expect(finding.verdict == .problem)
        #expect(finding.line.contains("packets to 192.0.2.1:3000 have at most 1100 bytes, and the mesh needs 1280"))
    }

    @Test("a member that answers no probe is a problem, one that answers some is advice")
    func reach() {
        let findings = findings(
            status(), { _ in },
            [
                .init(name: "B", probes: 3, roundTrips: []), .init(name: "C", probes: 3, roundTrips: [2_000_000]),
                .init(name: "D", probes: 3, roundTrips: [1_500_000, 3_000_000, 2_000_000]),
            ]
        ).filter { $0.subject == "reach" }
        #expect(findings.map(\.verdict) == [.problem, .advice, .good])
        #expect(findings[0].line.contains("B does not answer this peer; UDP must pass"))
        #expect(findings[1].line.contains("C answered 1 of 3 probes"))
        #expect(findings[2].line.contains("D answers in 1.5"))
    }

    @Test("losses and the refusals of an operator's mistakes are explained, everyday refusals are not")
    func counters() {
        var status = status()
        status.lostDatagrams = ["receiveBufferFull": 7, "sendRefused": 0]
        status.refusedDatagrams = ["sealBroken": 3, "unknownTag": 50]
        status.version = "0.0.9"
        let findings = findings(status, { $0.receiveBuffer = 212_992 })
        let lines = findings.map(\.line)
        #expect(lines.contains { $0.hasPrefix("--  7 datagrams lost: the receive buffer was full; ") })
        #expect(lines.contains { $0.hasPrefix("--  3 refused: datagrams that this key does not open") })
        #expect(lines.contains { $0.hasPrefix("--  the server has version 0.0.9, this command ") })
        #expect(lines.contains { $0.hasPrefix("--  the system grants a receive buffer of 212992 bytes") })
        #expect(!findings.contains { $0.text.contains("50") })
    }
}
