import SecureMesh
import SelfTest
import Testing

@Suite("Kinds")
struct KindTests {
    /// The table of PROTOCOL.md, section 4.3. Each row has the kind, its number, and its size. The size does not
    /// include entries, removed ids and a body.
    static let table: [(Kind, UInt8, Int)] = [
        (.hello, 0x01, 256), (.retry, 0x02, 116), (.welcome, 0x03, 191), (.reject, 0x04, 143), (.confirm, 0x05, 134),
        (.resume, 0x06, 172), (.heartbeat, 0x10, 134), (.leave, 0x11, 116), (.pulse, 0x20, 173), (.snapshot, 0x21, 121),
        (.delta, 0x22, 126), (.goodbye, 0x23, 117), (.message, 0x30, 149), (.ack, 0x31, 156),
    ]

    @Test("numbers and sizes are those in PROTOCOL.md's table", arguments: table)
    func sizes(_ kind: Kind, number: UInt8, size: Int) {
        #expect(kind.rawValue == number)
        #expect(kind.minimumSize == size)
        #expect(kind.maximumSize >= size)
    }

    @Test("the table has every kind")
    func everyKind() {
        #expect(Self.table.map(\.0) == Kind.allCases)
    }

    @Test("only SNAPSHOT, DELTA and MESSAGE vary in size, and only MESSAGE may exceed 1,232 bytes")
    func variableSizes() {
        #expect(Kind.allCases.filter { !$0.isFixedSize } == [.snapshot, .delta, .message])
        #expect(Kind.allCases.filter { $0.maximumSize > ProtocolConstants.maximumDatagram } == [.message])
        #expect(Kind.message.maximumSize == ProtocolConstants.maximumUDPPayload)
    }

    @Test("no answer to a HELLO is larger than the HELLO")
    func noAmplification() {
        for answer in [Kind.retry, .welcome, .reject] { #expect(answer.maximumSize < Kind.hello.minimumSize) }
    }

    @Test("a sample of each kind has the size of its fields")
    func samples() throws {
        for sample in try Sample.all() {
            let tag = sample.kind.isSealed ? Kind.tagSize : 0
            #expect(sample.bytes.count == sample.kind.sealedOffset + sample.plaintext.count + tag)
            #expect(sample.bytes[1] == sample.kind.rawValue)
            #expect(sample.refusal(of: sample.bytes) == nil, "\(sample.kind)")
        }
    }
}
