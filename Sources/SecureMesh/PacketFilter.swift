/// A program for the kernel's packet filter (classic BPF), which setsockopt(2) attaches to a socket.
struct PacketFilter {
    /// An instruction, laid out like `sock_filter` of linux/filter.h.
    struct Instruction {
        let code: UInt16
        /// The number of instructions to skip if the condition holds, and the number to skip if the condition does not
        /// hold.
        let skipIfTrue: UInt8
        let skipIfFalse: UInt8
        let operand: UInt32
    }

    private(set) var instructions: [Instruction] = []

    /// The number of the strangers' socket in the group of sockets that share an address. If a datagram is too short
    /// for the program, the kernel also chooses this socket.
    static let strangers: UInt32 = 0
    /// The number of the members' socket of the registry. The members' sockets of the lanes have the next numbers.
    static let members: UInt32 = 1

    /// Chooses the strangers' socket for every datagram.
    static var allToStrangers: PacketFilter {
        var filter = PacketFilter()
        filter.finish(strangers)
        return filter
    }

    /// Chooses a members' socket for members' datagrams. These have the epoch in the header field `to`, and their kind
    /// is CONFIRM or has a higher number (PROTOCOL.md, sections 4.1 and 4.3). Chooses the strangers' socket for all
    /// other datagrams.
    ///
    /// The epoch is random, and the server's answers contain it in plaintext. So a sender reaches a members' socket
    /// only if the server has answered it, or if it can see such an answer.
    ///
    /// The kernel runs the program on the payload of a datagram.
    ///
    /// - Parameter division: The event loops, each with one members' socket. The sender's session selects the socket as
    ///   in `LaneDivision.loop`; CONFIRM always goes to the members' socket of the registry.
    static func membersFirst(epoch: UInt64, division: LaneDivision = LaneDivision()) -> PacketFilter {
        var filter = PacketFilter()
        filter.require(Self.loadByte, 0, Self.equal, UInt32(ProtocolConstants.version))
        filter.require(Self.loadByte, 1, Self.notBelow, UInt32(Kind.confirm.rawValue))
        filter.require(Self.loadWord, 4, Self.equal, UInt32(epoch >> 32))
        filter.require(Self.loadWord, 8, Self.equal, UInt32(truncatingIfNeeded: epoch))
        guard division.loops > 1 else {
            filter.finish(members, else: strangers)
            return filter
        }
        filter.finish(
            [
                Instruction(code: Self.loadByte, skipIfTrue: 0, skipIfFalse: 0, operand: 1),
                Instruction(
                    code: Self.notBelow, skipIfTrue: 1, skipIfFalse: 0, operand: UInt32(Kind.heartbeat.rawValue)),
                Instruction(code: Self.giveBack, skipIfTrue: 0, skipIfFalse: 0, operand: members),
                // Loads the lower half of the header's field `from`.
                Instruction(code: Self.loadWord, skipIfTrue: 0, skipIfFalse: 0, operand: 16),
                Instruction(code: Self.modulo, skipIfTrue: 0, skipIfFalse: 0, operand: UInt32(division.loops)),
                Instruction(code: Self.add, skipIfTrue: 0, skipIfFalse: 0, operand: members),
                Instruction(code: Self.giveBackValue, skipIfTrue: 0, skipIfFalse: 0, operand: 0),
            ], else: strangers)
        return filter
    }

    /// Drops every datagram whose header is not that of a HELLO (PROTOCOL.md, sections 4.1 and 4.3).
    ///
    /// The kernel runs the program on a datagram with its UDP header.
    static var helloOnly: PacketFilter {
        let size = UInt32(Kind.hello.minimumSize)
        let start = UInt32(ProtocolConstants.version) << 24 | UInt32(Kind.hello.rawValue) << 16 | size
        var filter = PacketFilter()
        filter.require(Self.loadSize, 0, Self.equal, udpHeader + size)
        filter.require(Self.loadWord, udpHeader, Self.equal, start)
        // In a HELLO, the header's fields `to`, `from` and counter are 0.
        for offset in stride(from: UInt32(4), to: UInt32(Header.size), by: 4) {
            filter.require(Self.loadWord, udpHeader + offset, Self.equal, 0)
        }
        filter.finish(.max, else: 0)
        return filter
    }

    /// Appends a comparison of a value in the datagram. `finish` later sets where the program continues if the
    /// comparison fails.
    private mutating func require(_ load: UInt16, _ offset: UInt32, _ comparison: UInt16, _ value: UInt32) {
        instructions.append(Instruction(code: load, skipIfTrue: 0, skipIfFalse: 0, operand: offset))
        instructions.append(Instruction(code: comparison, skipIfTrue: 0, skipIfFalse: 0, operand: value))
    }

    /// Appends the instructions that return `result` if all comparisons hold, and `other` if one of them fails.
    private mutating func finish(_ result: UInt32, else other: UInt32? = nil) {
        finish([Instruction(code: Self.giveBack, skipIfTrue: 0, skipIfFalse: 0, operand: result)], else: other)
    }

    /// Appends `last`, the instructions that run if all comparisons hold and that end the program. Then appends an
    /// instruction that returns `other` if a comparison fails.
    private mutating func finish(_ last: [Instruction], else other: UInt32? = nil) {
        for index in instructions.indices where [Self.equal, Self.notBelow].contains(instructions[index].code) {
            let old = instructions[index]
            instructions[index] = Instruction(
                code: old.code, skipIfTrue: 0, skipIfFalse: UInt8(instructions.count - index - 1 + last.count),
                operand: old.operand)
        }
        instructions += last
        if let other {
            instructions.append(Instruction(code: Self.giveBack, skipIfTrue: 0, skipIfFalse: 0, operand: other))
        }
    }

    private static let udpHeader: UInt32 = 8
    // The following codes are from linux/bpf_common.h. Each contains the class, the size and the mode of an
    // instruction.
    private static let loadWord: UInt16 = 0x20
    private static let loadByte: UInt16 = 0x30
    private static let loadSize: UInt16 = 0x80
    private static let equal: UInt16 = 0x15
    private static let notBelow: UInt16 = 0x35
    private static let add: UInt16 = 0x04
    private static let modulo: UInt16 = 0x94
    private static let giveBack: UInt16 = 0x06
    private static let giveBackValue: UInt16 = 0x16
}
