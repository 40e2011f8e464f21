internal import SelfTest
internal import Testing

@testable internal import SecureMesh

/// Tests the BPF programs of the packet filter. An interpreter that follows bpf(4) runs them.
@Suite("Packet filter") struct PacketFilterTests {
    /// Runs a BPF program on a packet, and returns the program's result; nil if the program has no result or contains
    /// an unknown instruction.
    private func run(_ filter: PacketFilter, on bytes: [UInt8]) -> UInt32? {
        var value: UInt32 = 0
        var position = 0
        while position < filter.instructions.count {
            let instruction = filter.instructions[position]
            let offset = Int(instruction.operand)
            position += 1
            switch instruction.code {
            case 0x20, 0x30:
                let width = instruction.code == 0x20 ? 4 : 1
                // If a program reads beyond the end of the packet, the kernel ends it with the result 0.
                guard offset + width <= bytes.count else { return 0 }
                value = 0
                for byte in bytes[offset..<offset + width] { value = value << 8 | UInt32(byte) }
            case 0x15, 0x35:
                let isEqual = value == instruction.operand
                let holds = instruction.code == 0x15 ? isEqual : value >= instruction.operand
                position += Int(holds ? instruction.skipIfTrue : instruction.skipIfFalse)
            case 0x94: value %= instruction.operand
            case 0x04: value &+= instruction.operand
            case 0x06: return instruction.operand
            case 0x16: return value
            default: return nil
            }
        }
        return nil
    }

    private func bytes(_ kind: Kind, to epoch: UInt64, from session: UInt64) -> [UInt8] {
        let start: [UInt8] = [ProtocolConstants.version, kind.rawValue, 0, 134]
        return start + [UInt8](bigEndian: epoch) + [UInt8](bigEndian: session) + [UInt8](repeating: 7, count: 114)
    }

    @Test("a session's datagrams come to the event loop that the server expects, and its CONFIRM to the first")
    func division() throws {
        var random = RandomPayloads(seed: 1)
        for loops in [1, 2, 3, 7, 64] as [UInt8] {
            let division = LaneDivision(loops: loops)
            let epoch = random.number() | 1
            let filter = PacketFilter.membersFirst(epoch: epoch, division: division)
            for _ in 0..<200 {
                let session = try #require(SessionID(rawValue: random.number() | 1))
                let loop = UInt32(division.loop(of: session))
                #expect(loop < loops)
                for kind in [Kind.heartbeat, .leave] {
                    #expect(run(filter, on: bytes(kind, to: epoch, from: session.rawValue)) == 1 + loop)
                }
                #expect(run(filter, on: bytes(.confirm, to: epoch, from: session.rawValue)) == 1)
                #expect(run(filter, on: bytes(.hello, to: epoch, from: session.rawValue)) == 0)
                #expect(run(filter, on: bytes(.heartbeat, to: epoch &+ 1, from: session.rawValue)) == 0)
                #expect(run(filter, on: Array(bytes(.heartbeat, to: epoch, from: session.rawValue).prefix(11))) == 0)
            }
        }
    }

    @Test("a server with one event loop has the program of two sockets") func oneLoop() {
        let filter = PacketFilter.membersFirst(epoch: 7)
        #expect(filter.instructions.count == 10)
        #expect(run(filter, on: bytes(.heartbeat, to: 7, from: 3)) == 1)
    }
}
